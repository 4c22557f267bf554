# Installed in a later step of this file's history; see docs/embedding.md.
