#include "cli/command.h"

int main(int argc, char** argv) { return octet::cli::main(argc, argv); }
