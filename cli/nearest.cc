#include "cli/nearest.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "cli/command.h"

namespace octet::cli {
namespace {

/// Names come from untrusted files: longer ones are not compared.
constexpr std::size_t kMostLetters = 200;

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// Letters to insert, delete or replace (Levenshtein).
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::vector<std::string> nearest(const std::string& name, const std::vector<std::string>& names, std::size_t most) {
  if (name.empty() || name.size() > kMostLetters) return {};
  const std::string wanted = lower(name);
  std::multimap<std::size_t, std::string> found;  // by distance, in order of appearance
  for (const std::string& candidate : names) {
    if (candidate.empty() || candidate.size() > kMostLetters) continue;
    const std::string letters = lower(candidate);
    const bool contained = letters.find(wanted) != std::string::npos || wanted.find(letters) != std::string::npos;
    const std::size_t d = distance(wanted, letters);
    if (contained || d <= std::max<std::size_t>(wanted.size() / 3, 1)) found.emplace(d, candidate);
  }
  std::vector<std::string> result;
  for (const auto& [d, candidate] : found)
    if (result.size() < most && std::ranges::find(result, candidate) == result.end()) result.push_back(candidate);
  return result;
}

std::string did_you_mean(const std::string& name, const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& n : nearest(name, names)) text += (text.empty() ? "; did you mean '" : " or '") + printable(n) + "'";
  return text.empty() ? text : text + "?";
}

}  // namespace octet::cli
