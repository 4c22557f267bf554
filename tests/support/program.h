// Runs the program `octet` as a user does.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "temp_dir.h"

namespace octet_test {

using Args = std::vector<std::string>;

/// A program that is running, its output going to files.
class Running {
 public:
  Running(Args args, const Args& environment) {
    args.insert(args.begin(), OCTET_PROGRAM);
    Args variables = environment;
    for (char** v = environ; *v != nullptr; ++v)
      if (!std::string(*v).starts_with("OCTET_ISA=")) variables.emplace_back(*v);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, dir_.file("out").c_str(), O_WRONLY | O_CREAT, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, dir_.file("err").c_str(), O_WRONLY | O_CREAT, 0600);
    REQUIRE(posix_spawn(&pid_, OCTET_PROGRAM, &actions, nullptr, pointers(args).data(), pointers(variables).data()) ==
            0);
    posix_spawn_file_actions_destroy(&actions);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// waitpid's status.
  int wait() const {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
  }
  [[nodiscard]] std::string out() const { return slurp(dir_.file("out")); }
  [[nodiscard]] std::string err() const { return slurp(dir_.file("err")); }

 private:
  static std::vector<char*> pointers(Args& strings) {
    std::vector<char*> result;
    for (std::string& s : strings) result.push_back(s.data());
    result.push_back(nullptr);
    return result;
  }
  TempDir dir_;
  pid_t pid_ = 0;
};

struct Ran {
  int code = -1;  ///< the exit code; -1 after a signal
  std::string out, err;
};

inline Ran octet_program(const Args& args, const Args& environment = {}) {
  const Running running(args, environment);
  const int status = running.wait();
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, running.out(), running.err()};
}

/// What it prints when it succeeds, without a word on stderr.
inline std::string octet_output(const Args& args, const Args& environment = {}) {
  Ran ran = octet_program(args, environment);
  CAPTURE(args[0]);
  CAPTURE(ran.err);
  REQUIRE(ran.code == 0);
  CHECK(ran.err.empty());
  return ran.out;
}

/// The object `--json -` prints.
inline nlohmann::json octet_json(Args args) {
  args.insert(args.end(), {"--json", "-"});
  const std::string text = octet_output(args);
  nlohmann::json object = nlohmann::json::parse(text, nullptr, false);
  REQUIRE(object.is_object());
  CHECK(object["schema_version"] == 1);
  return object;
}

}  // namespace octet_test
