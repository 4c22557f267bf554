// Standard streams that are closed, full or files, signals, and limits: nothing is left behind, and exit codes stay what they are.
#include <csignal>
#include <cstdlib>

#include "support/cli_models.h"
#include "support/program.h"

using namespace octet_test;

namespace {

struct Folder : TempDir {
  Folder() {
    write("net.onnx", classifier().bytes());
    octet_output(convert("net.octet"));
  }
  [[nodiscard]] Args convert(const std::string& output) const { return {"convert", file("net.onnx"), "-o", output.starts_with("/") ? output : file(output), "--mode", "float"}; }
};

const Folder& folder() {
  static const Folder made;
  return made;
}

/// The exit code of the program in a shell, `before` in front of it (limits) and `after` behind it (redirections).
int in_shell(const std::string& before, const Args& args, const std::string& after) {
  std::string line = before + " '" OCTET_PROGRAM "'";
  for (const std::string& a : args) line += " '" + a + "'";
  const int status = std::system((line + " " + after).c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("cli streams: a closed or full stderr changes no exit code") {
  const Folder& f = folder();
  for (const std::string where : {"2>&-", "2>/dev/full"}) {
    CAPTURE(where);
    CHECK(in_shell("", {"explain", f.file("none.octet")}, where) == 3);
    CHECK(in_shell("", {"explain"}, where) == 2);
    CHECK(in_shell("", f.convert("closed.octet"), ">/dev/null " + where) == 0);
  }
}

TEST_CASE("cli streams: what is printed to a closed stream goes into no file") {
  const Folder& f = folder();
  CHECK(in_shell("", f.convert("all.octet"), "<&- >&- 2>&-") == 5);  // its report is lost
  CHECK(slurp(f.file("all.octet")) == slurp(f.file("net.octet")));
  CHECK(in_shell("", {"inspect", f.file("net.octet")}, ">&- 2>&-") == 5);
}

TEST_CASE("cli streams: a model on stdout is a model") {
  const Folder& f = folder();
  CHECK(in_shell("", f.convert("/dev/stdout"), "| cat > '" + f.file("piped.octet") + "'") == 0);
  CHECK(slurp(f.file("piped.octet")) == slurp(f.file("net.octet")));
  CHECK(in_shell("", {"export", f.file("net.octet"), "-o", "/dev/stdout"}, "| cat > '" + f.file("piped.onnx") + "'") == 0);
  octet_output({"export", f.file("net.octet"), "-o", f.file("net2.onnx")});
  CHECK(slurp(f.file("piped.onnx")) == slurp(f.file("net2.onnx")));
  write_array(f, "x.npy", random_array({2, 1, 8, 8}, 1));
  const Args run = {"run", f.file("net.octet"), "--data", f.file("x.npy"), "--out"};
  Args to_file = run, to_stdout = run;
  to_file.push_back(f.file("y.npy"));
  to_stdout.emplace_back("/dev/stdout");
  octet_output(to_file);
  CHECK(in_shell("", to_stdout, "| cat > '" + f.file("piped.npy") + "'") == 0);
  CHECK(slurp(f.file("piped.npy")) == slurp(f.file("y.npy")));
}

TEST_CASE("cli streams: /dev/stdout that is a file is appended to where it is, and holds nothing else") {
  const Folder& f = folder();
  octet_output(f.convert("whole.octet"));
  const std::string model = slurp(f.file("whole.octet"));
  f.write("log", "begin\n");
  CHECK(in_shell("", f.convert("/dev/stdout"), ">> '" + f.file("log") + "'") == 0);
  CHECK(slurp(f.file("log")) == "begin\n" + model);
  CHECK(in_shell("", {"inspect", f.file("net.octet"), "--json", "/dev/stdout"}, "> '" + f.file("log") + "'") == 0);
  CHECK(nlohmann::json::parse(slurp(f.file("log")))["schema_version"] == 1);
}

TEST_CASE("cli streams: - is no name of a file to write") {
  const Folder& f = folder();
  for (const Args& args : {Args{"convert", f.file("net.onnx"), "-o", "-", "--mode", "float"}, Args{"export", f.file("net.octet"), "-o", "-"},
                           Args{"run", f.file("net.octet"), "--data", f.file("net.octet"), "--out", "-"}}) {
    const Ran ran = octet_program(args);
    CHECK(ran.code == 2);
    CHECK(ran.err.find("a file of that name is ./-") != std::string::npos);
    CHECK_FALSE(fs::exists("-"));
  }
}

TEST_CASE("cli streams: a limit on the size of files is an error, and nothing is left") {
  const Folder& f = folder();
  const auto before = f.list();
  CHECK(in_shell("ulimit -f 1;", f.convert("limited.octet"), "2>/dev/null") == 5);
  CHECK(f.list() == before);
}

TEST_CASE("cli streams: a reader that goes away leaves no temporary file") {
  const Folder& f = folder();
  Args args = f.convert("report.octet");
  args.insert(args.end(), {"--json", "-"});
  const auto before = f.list();
  in_shell("", args, "2>/dev/null | true");
  for (const std::string& name : f.list()) CHECK_MESSAGE((name == "report.octet" || std::ranges::find(before, name) != before.end()), name);
}
