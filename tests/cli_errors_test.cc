// Bad input: one line on stderr that says what is wrong and where, the exit code of its kind, and no file left behind.
#include <sys/stat.h>

#include <cmath>
#include <csignal>
#include <set>
#include <thread>

#include "kernels/isa.h"
#include "support/cli_models.h"
#include "support/data_files.h"
#include "support/program.h"

using namespace octet_test;

namespace {

const std::vector<std::string> kCommands = {"convert", "run", "eval", "verify", "bench", "explain", "inspect", "export"};

/// Good and bad files, made once.
struct Files : TempDir {
  Files() {
    write("good.onnx", classifier().bytes());
    write("two.onnx", two_inputs().bytes());
    write_array(*this, "data.npy", random_array({6, 1, 8, 8}, 1));
    write_array(*this, "single.npy", random_array({8, 8}, 1));
    write_array(*this, "wrong_shape.npy", random_array({6, 1, 8, 9}, 1));
    auto values = random_values(6 * 64, 1);
    values[3 * 64 + 5] = std::nanf("");
    write_array(*this, "nan.npy", f32_array({6, 1, 8, 8}, values));
    write_array(*this, "large.npy", f32_array({6, 1, 8, 8}, std::vector<float>(6 * 64, 3e38F)));
    write("labels.txt", "0\n1\n2\n3\n4\n9\n");
    write("few.txt", "0\n1\n2\n");
    write("beyond.txt", "0\n1\n2\n10\n4\n5\n");
    fs::create_directory(file("images"));
    write("images/small.png", gray_png(6, 5));
    write("noise.bin", "this is neither a model nor data, whatever its name");
    write("empty", "");
    octet_output({"convert", file("good.onnx"), "-o", file("good.octet"), "--data", file("data.npy")});
    octet_output(
        {"convert", file("good.onnx"), "-o", file("bytes.octet"), "--data", file("data.npy"), "--scale", "0.01"});

    const std::string octet = slurp(file("good.octet"));
    const std::string onnx = slurp(file("good.onnx"));
    const std::string npy = slurp(file("data.npy"));
    write("cut.octet", octet.substr(0, octet.size() / 2));
    write("cut.onnx", onnx.substr(0, onnx.size() / 2));
    write("cut.npy", npy.substr(0, npy.size() / 2));
    std::string flipped = octet;
    flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
    write("flipped.octet", flipped);

    ModelBuilder odd;
    odd.input("x", {kOpen, 4}).output("z");
    odd.node("Relu", {"x"}, {"y"}).named("fine");
    odd.node("Frobnicate", {"y"}, {"z"}).named("the_odd_one");
    write("unsupported.onnx", odd.bytes());
    ModelBuilder open;
    open.input("x", {kOpen, 1, kOpen, kOpen}).output("y").random("w", {1, 1, 3, 3});
    open.node("Conv", {"x", "w"}, {"y"}).named("conv");
    write("open.onnx", open.bytes());
    ModelBuilder wide;
    wide.input("x", {kOpen, 3, 4, 4}).output("y");
    wide.node("Relu", {"x"}, {"y"}).named("only");
    write("wide.onnx", wide.bytes());
    octet_output({"convert", file("wide.onnx"), "-o", file("float.octet"), "--mode", "float"});
    write("evil\x1b[2Jfile.onnx", wide.bytes());
    octet_output({"convert", file("evil\x1b[2Jfile.onnx"), "-o", file("evil.octet"), "--mode", "float"});
    wide.proto.mutable_graph()->mutable_node(0)->set_name("evil\x1b[2J\nname");
    write("evil\x1b[2J\nname.onnx", wide.bytes());
    write_array(*this, "wide.npy", random_array({2, 3, 4, 4}, 1));
    ModelBuilder eight;
    eight.input("x", {8, 1, 8, 8}).output("y").node("Relu", {"x"}, {"y"});
    write("eight.onnx", eight.bytes());
    ModelBuilder constant;  // its output has wide's name and shape, but does not follow the batch
    constant.input("x", {kOpen, 3, 4, 4}).output("y").random("c", {1, 3, 4, 4});
    constant.node("Relu", {"c"}, {"y"});
    write("constant.onnx", constant.bytes());
    REQUIRE(::mkfifo(file("pipe").c_str(), 0600) == 0);
  }
};

const Files& files() {
  static const Files made;
  return made;
}

/// "@name" stands for a file of the folder.
Args in_folder(const Args& args) {
  Args result;
  for (const std::string& a : args) {
    const auto at = a.find('@');
    result.push_back(at == std::string::npos ? a : a.substr(0, at) + files().file(a.substr(at + 1)));
  }
  return result;
}

struct Case {
  Args args;
  int code;
  std::string message;  ///< part of it
};

void check(const Case& c, const Args& environment = {}) {
  const std::vector<std::string> before = files().list();
  const Ran ran = octet_program(in_folder(c.args), environment);
  std::string line;
  for (const std::string& a : c.args) line += " " + a;
  CAPTURE(line);
  CAPTURE(ran.err);
  CHECK(ran.code == c.code);
  const bool known = !c.args.empty() && std::ranges::find(kCommands, c.args[0]) != kCommands.end();
  CHECK(ran.err.starts_with(known ? "octet " + c.args[0] + ": error: " : "octet: error: "));
  CHECK(ran.err.find(c.message) != std::string::npos);
  CHECK(std::ranges::count(ran.err, '\n') == 1);
  CHECK(ran.err.ends_with('\n'));
  CHECK(ran.err.size() < 500);
  CHECK(ran.out.empty());
  CHECK(files().list() == before);
}

Args convert(const std::string& model, const Args& rest) {
  Args args = {"convert", model, "-o", "@out.octet"};
  args.insert(args.end(), rest.begin(), rest.end());
  return args;
}

}  // namespace

TEST_CASE("cli errors: usage") {
  const Args good = {"--data", "@data.npy"};
  const auto with = [&](const Args& more) {
    Args args = convert("@good.onnx", good);
    args.insert(args.end(), more.begin(), more.end());
    return args;
  };
  for (const Case& c : std::vector<Case>{
           {{}, 2, "subcommand is required"},
           {{"frobnicate"}, 2, "there is no command 'frobnicate'"},
           {{"--frobnicate"}, 2, "there is no option '--frobnicate'"},
           {{"convert"}, 2, "MODEL is required"},
           {{"convert", "@good.onnx"}, 2, "--output is required"},
           {{"convert", "@good.onnx", "-o", "", "--data", "@data.npy"}, 2, "-o"},
           {{"convert", "@good.onnx", "-o", "@good.onnx", "--data", "@data.npy"}, 2, "overwrite the model"},
           {{"convert", "@good.onnx", "-o", "@data.npy", "--data", "@data.npy"}, 2, "overwrite the data"},
           {with({"--json", "@out.octet"}), 2, "same file"},
           {convert("@good.onnx", {"--mode", "float", "--require-int8"}), 2, "--require-int8 is for --mode static"},
           {convert("@good.onnx", {"--mode", "dynamic", "--require-int8"}), 2, "--require-int8 is for --mode static"},
           {with({"--require-int8", "--float", "conv"}), 2, "contradict"},
           {with({"--resize", "8"}), 2, "no --data is one"},
           {with({"--channels", "bgr"}), 2, "are for images"},
           {with({"--channels", "gbr"}), 2, "--channels"},
           {with({"--resize", "0"}), 2, "--resize"},
           {with({"--crop", "99999"}), 2, "--crop"},
           {convert("@good.onnx", {"--data", "@images/small.png", "--resize", "4"}), 3, "too small to cut 8x8"},
           {convert("@good.onnx", {"--data", "@images/small.png", "--crop", "5"}), 3, "takes samples of shape [1,8,8]"},
           {with({"--frobnicate"}), 2, "--frobnicate"},
           {with({"--mode", "quick"}), 2, "--mode"},
           {with({"--calibrator", "guess"}), 2, "--calibrator"},
           {with({"--weight-calibrator", "entropy"}), 2, "--weight-calibrator"},
           {with({"--calibrator", "percentile", "--percentile", "50"}), 2, "'50' is not above 50 and at most 100"},
           {with({"--calibrator", "percentile", "--percentile", "100.5"}), 2, "--percentile"},
           {with({"--calibrator", "percentile", "--percentile", "nan"}), 2, "--percentile"},
           {with({"--calibrator", "mse", "--percentile", "99"}), 2, "--percentile is for"},
           {convert("@good.onnx", {"--mode", "dynamic", "--calibrator", "mse"}), 2, "takes no --calibrator"},
           {convert("@good.onnx", {"--mode", "float", "--percentile", "99"}), 2, "takes no --calibrator"},
           {convert("@good.onnx", {"--mode", "float", "--weight-calibrator", "mse"}), 2, "takes no --weight-calibrator"},
           {convert("@good.onnx", {"--mode", "float", "--weights", "per-tensor"}), 2, "--mode float takes no --weights"},
           {convert("@good.onnx", {"--mode", "float", "--activations", "symmetric"}), 2, "--mode float takes no --activations"},
           {convert("@good.onnx", {"--mode", "dynamic", "--activations", "symmetric"}), 2, "--mode dynamic takes no --activations"},
           {with({"--threads", "0"}), 2, "--threads"},
           {with({"--samples", "0"}), 2, "--samples: '0' is not a positive integer"},
           {with({"--samples", "many"}), 2, "'many' is not a positive integer"},
           {with({"--samples", "7"}), 2, "has 6 samples, not 7"},
           {with({"--shape", "image"}), 2, "--shape image: expected INPUT=d0,d1,..."},
           {with({"--shape", "image=1,0,8,8"}), 2, "--shape"},
           {with({"--shape", "image=1,1,8,eight"}), 2, "--shape"},
           {with({"--shape", "photo=1,1,8,8"}), 2, "'photo'"},
           {with({"--float", "nothing"}), 2, "--float nothing: the model has no such node"},
           {with({"--std", "0"}), 2, "--std"},
           {with({"--scale", "nan"}), 2, "--scale"},
           {with({"--mean", "1,2", "--std", "1,2,3"}), 2, "as many values"},
           {with({"--mean", "1,2", "--std", "1,2"}), 2, "input 'image' has shape"},
           {with({"--mode", "float"}), 2, "--mode float takes no --data"},
           {convert("@good.onnx", {"--mode", "float", "--repair", "all"}), 2, "--mode float takes no --repair"},
           {convert("@good.onnx", {"--mode", "dynamic", "--repair", "bias"}), 2, "--repair bias measures errors on data"},
           {with({"--repair", "prayer"}), 2, "prayer"},
           {convert("@good.onnx", {}), 2, "needs calibration data"},
           {convert("@good.octet", good), 2, "quantized already"},
           {convert("@open.onnx", good), 2, "--shape"},
           {convert("@two.onnx", good), 2, "several inputs"},
           {convert("@two.onnx", {"--data", "left=@data.npy", "--data", "middle=@data.npy"}), 2, "no input 'middle'"},
           {{"run", "@good.octet"}, 2, "input 'image': has no data"},
           {{"run", "@good.octet", "--data", "@data.npy", "--data", "@data.npy"}, 2, "given twice"},
           {{"run", "@good.octet", "--data", "@data.npy", "--out", "other=@x.npy"}, 2, "the outputs are: logits"},
           {{"run", "@two.onnx", "--data", "left=@data.npy", "--out", "@x.npy"}, 2, "the outputs are: sum, positive"},
           {{"run", "@two.onnx", "--out", "sum=@x.npy", "--out", "positive=@x.npy"}, 2, "to one file"},
           {{"run", "@good.octet", "--data", "@data.npy", "--batch", "0"}, 2, "--batch"},
           {{"run", "@good.octet", "--data", "@data.npy", "--shape", "image=1,1,8,8"},
            2,
            "--shape is for .onnx models"},
           {{"run", "@bytes.octet", "--data", "@data.npy", "--scale", "0.01"}, 2, "takes raw bytes"},
           {{"eval", "@good.octet", "--data", "@data.npy"}, 2, "--labels is required"},
           {{"eval", "@wide.onnx", "--data", "@wide.npy", "--labels", "@labels.txt"}, 2, "one row of scores"},
           {{"verify", "@good.octet", "--data", "@data.npy"}, 2, "--against is required"},
           {{"verify", "@good.octet", "--against", "@good.octet", "--data", "@data.npy"}, 2, "is quantized itself"},
           {{"verify", "@good.octet", "--against", "@two.onnx", "--data", "@data.npy"}, 2, "outputs differ"},
           {{"verify", "@float.octet", "--against", "@constant.onnx", "--data", "@wide.npy"}, 2, "outputs differ"},
           {{"bench", "@good.octet", "--seconds", "soon"}, 2, "--seconds"},
           {{"bench", "@good.octet", "--seconds", "nan"}, 2, "--seconds: 'nan' is not a number"},
           {{"bench", "@good.octet", "--warmup", "-nan"}, 2, "--warmup"},
           {{"bench", "@good.octet", "--compare-float"}, 2, "--profile"},
           {{"bench", "@good.onnx", "--shape", "image=2,1,8,8"}, 2, "image"},
           {{"explain"}, 2, "MODEL is required"},
           {{"inspect", "@good.octet", "more"}, 2, "more"},
       })
    check(c);
}

TEST_CASE("cli errors: OCTET_ISA") {
  for (const std::string& command : kCommands) {
    Args args = {command, "@good.octet"};
    if (command == "convert" || command == "export") args.insert(args.end(), {"-o", "@out"});
    if (command == "eval") args.insert(args.end(), {"--data", "@data.npy", "--labels", "@labels.txt"});
    if (command == "verify") args.insert(args.end(), {"--data", "@data.npy", "--against", "@good.onnx"});
    check({args, 2, "OCTET_ISA 'nonsense' is none of reference, avx2"}, {"OCTET_ISA=nonsense"});
  }
  using octet::kernels::Isa;
  for (const Isa isa : {Isa::avx2, Isa::avxvnni, Isa::avx512, Isa::avx512vnni, Isa::amx}) {
    const std::string variable = std::string("OCTET_ISA=") + octet::kernels::name_of(isa);
    if (octet::kernels::cpu_has(isa)) {
      CHECK(octet_program(in_folder({"explain", "@good.octet"}), {variable}).code == 0);
    } else {
      check({{"explain", "@good.octet"}, 2, "this CPU does not have it"}, {variable});
    }
  }
}

TEST_CASE("cli errors: files") {
  const Args good = {"--data", "@data.npy"};
  for (const Case& c : std::vector<Case>{
           {convert("@none.onnx", good), 3, "none.onnx: No such file or directory"},
           {convert("@empty", good), 3, "empty: is empty"},
           {convert("@cut.onnx", good), 3, "cut.onnx: is not an ONNX model"},
           {convert("@noise.bin", good), 3, "noise.bin: is not an ONNX model"},
           {convert("@data.npy", good), 3, "data.npy: is not an ONNX model"},
           {convert("@", good), 3, "is a directory"},
           {convert("/dev/null", good), 3, "/dev/null: is not a regular file"},
           {convert("@pipe", good), 3, "pipe: is not a regular file"},
           {convert("@cut.octet", good), 3, "cut.octet: is truncated"},
           {convert("@good.onnx", {"--data", "@none.npy"}), 3, "none.npy: cannot be opened: No such file"},
           {convert("@good.onnx", {"--data", "@empty"}), 3, "empty: is not .npy, .npz, IDX, PNG or JPEG"},
           {convert("@good.onnx", {"--data", "@cut.npy"}), 3, "cut.npy: is truncated"},
           {convert("@good.onnx", {"--data", "@noise.bin"}), 3, "noise.bin: is not .npy"},
           {convert("@good.onnx", {"--data", "@"}), 3, "without PNG or JPEG files"},
           {convert("@good.onnx", {"--data", "@wrong_shape.npy"}), 3,
            "wrong_shape.npy: input 'image': takes samples of shape [1,8,8], the data has 6 of [1,8,9]"},
           {convert("@good.onnx", {"--data", "@single.npy"}), 3, "has 8 of [8]: the leading dimension counts the samples; this one alone is [1,1,8,8]"},
           {convert("@eight.onnx", good), 3, "fixed at 8, so one of its samples is 8 of these; reshape the data to [n,8,1,8,8], or export"},
           {convert("@good.onnx", {"--data", "@nan.npy"}), 3, "nan.npy: input 'image': a NaN in sample 3"},
           {convert("@good.onnx", {"--data", "@large.npy"}), 3, "NaN or infinite"},
           {{"run", "@good.octet", "--data", "@wrong_shape.npy", "--out", "@x.npy"}, 3, "takes samples of shape"},
           {{"run", "@bytes.octet", "--data", "@data.npy", "--out", "@x.npy"},
            3,
            "takes u8 (raw bytes), the data is f32"},
           {{"eval", "@good.octet", "--data", "@data.npy", "--labels", "@none"}, 3, "none: cannot be opened"},
           {{"eval", "@good.octet", "--data", "@data.npy", "--labels", "@empty"}, 3, "empty: holds no labels"},
           {{"eval", "@good.octet", "--data", "@data.npy", "--labels", "@few.txt"},
            3,
            "few.txt: has 3 labels for 6 samples"},
           {{"eval", "@good.octet", "--data", "@data.npy", "--labels", "@noise.bin"}, 3, "line 1 is not an integer"},
           {{"eval", "@good.octet", "--data", "@data.npy", "--labels", "@beyond.txt"},
            3,
            "label 10 of sample 3 is no class"},
           {{"eval", "@good.octet", "--data", "@data.npy", "--labels", "@data.npy"}, 3, "has shape [6,1,8,8]"},
           {{"verify", "@good.onnx", "--against", "@good.onnx", "--data", "@data.npy"},
            3,
            "good.onnx: is not an Octet model"},
           {{"verify", "@good.octet", "--against", "@cut.onnx", "--data", "@data.npy"},
            3,
            "cut.onnx: is not an ONNX model"},
           {{"inspect", "@good.onnx"}, 3, "good.onnx: is not an Octet model"},
       })
    check(c);
}

TEST_CASE("cli errors: every command refuses every bad model") {
  for (const std::string& command : kCommands) {
    if (command == "convert") continue;
    const auto args = [&](const std::string& model) {
      Args result = {command, model};
      if (command == "run") result.insert(result.end(), {"--data", "@data.npy", "--out", "@x.npy"});
      if (command == "eval") result.insert(result.end(), {"--data", "@data.npy", "--labels", "@labels.txt"});
      if (command == "verify") result.insert(result.end(), {"--data", "@data.npy", "--against", "@good.onnx"});
      if (command == "export") result.insert(result.end(), {"-o", "@x.onnx"});
      if (command == "run" || command == "inspect") return result;
      result.insert(result.end(), {"--json", "@x.json"});
      return result;
    };
    check({args("@none.octet"), 3, "none.octet: No such file or directory"});
    check({args("@empty"), 3, "empty: is empty"});
    check({args("@cut.octet"), 3, "cut.octet: is truncated"});
    check({args("@flipped.octet"), 3, "flipped.octet: is damaged"});
    check({args("@noise.bin"), 3, "noise.bin: is not an "});
    check({args("@"), 3, "is a directory"});
    check({args("@pipe"), 3, "pipe: is not a regular file"});  // without waiting for someone to write
  }
}

TEST_CASE("cli errors: an unsupported operator") {
  for (const Args& args :
       {convert("@unsupported.onnx", {"--data", "@data.npy"}), Args{"explain", "@unsupported.onnx"}}) {
    check({args, 4, "unsupported.onnx: node 1 'the_odd_one' (Frobnicate)"});
    check({args, 4, "docs/"});  // where the supported ones are listed
  }
}

TEST_CASE("cli errors: what cannot be written") {
  const auto to = [](const std::string& path, const Args& rest = {}) {
    Args args = {"convert", "@good.onnx", "-o", path, "--data", "@data.npy"};
    args.insert(args.end(), rest.begin(), rest.end());
    return args;
  };
  check({to("@none/out.octet"), 5, "none/out.octet: cannot be written: No such file or directory"});
  check({to("@"), 5, "cannot be written: Is a directory"});
  check({to("/dev/full"), 5, "/dev/full: cannot be written: No space left"});
  // Nor is the model left where only the report fails.
  check({to("@out.octet", {"--json", "@none/x.json"}), 5, "none/x.json: cannot be written"});
  check({{"run", "@good.octet", "--data", "@data.npy", "--out", "@none/x.npy"}, 5, "none/x.npy: cannot be written"});
  check({{"run", "@good.octet", "--data", "@data.npy", "--out", "@x.npy", "--out", "@none/x.npy"}, 5, "none/x.npy"});
  const Ran full = octet_program(in_folder({"explain", "@good.octet", "--json", "/dev/full"}));
  CHECK(full.code == 5);
  CHECK(full.err == "octet explain: error: /dev/full: cannot be written: No space left on device\n");

  octet_output(in_folder(to("/dev/null")));
  CHECK(fs::is_character_file("/dev/null"));
  if (::geteuid() != 0) {  // root may write anywhere
    const TempDir locked;
    ::chmod(locked.path.c_str(), 0500);
    check({to(locked.file("out.octet")), 5, "Permission denied"});
    ::chmod(locked.path.c_str(), 0700);
  }
}

TEST_CASE("cli errors: a failed conversion leaves the old file") {
  const std::string path = files().write("old.octet", "old");
  check({{"convert", "@good.onnx", "-o", "@old.octet", "--data", "@nan.npy"}, 3, "NaN"});
  check({{"convert", "@good.onnx", "-o", "@old.octet", "--data", "@data.npy", "--json", "@none/x.json"},
         5,
         "none/x.json"});
  CHECK(slurp(path) == "old");
}

TEST_CASE("cli errors: nothing is left behind by an interrupt") {
  const TempDir dir;
  write_array(dir, "many.npy", random_array({3000, 1, 8, 8}, 1));
  for (int i = 0; i < 12; ++i) {
    const Running running(
        {"convert", files().file("good.onnx"), "-o", dir.file("out.octet"), "--data", dir.file("many.npy")}, {});
    std::this_thread::sleep_for(std::chrono::milliseconds(i * i));
    ::kill(running.pid(), i % 2 == 0 ? SIGINT : SIGTERM);
    const int status = running.wait();
    CHECK((WIFSIGNALED(status) || WEXITSTATUS(status) == 0));
    for (const std::string& name : dir.list()) CHECK_MESSAGE((name == "many.npy" || name == "out.octet"), name);
    if (fs::exists(dir.file("out.octet"))) CHECK(octet_program({"inspect", dir.file("out.octet")}).code == 0);
    fs::remove(dir.file("out.octet"));
  }
}

TEST_CASE("cli errors: names do not steer the terminal") {
  check({{"explain", "@evil\x1b[2J\nname.onnx"}, 3, "evil?[2J name.onnx: the name of node 0 is not plain text"});
  const std::string shown = octet_output({"inspect", files().file("evil.octet")});
  CHECK(shown.find("from evil?[2Jfile.onnx") != std::string::npos);
  CHECK(shown.find('\x1b') == std::string::npos);
  check({{"explain", "@none\x1b[2J\nname.onnx"}, 3, "none?[2J name.onnx: No such file or directory"});
}

TEST_CASE("cli errors: help and version") {
  const std::string all = octet_output({"--help"});
  for (const std::string& command : kCommands) {
    CAPTURE(command);
    CHECK(all.find(command) != std::string::npos);
    const std::string help = octet_output({command, "--help"});
    CHECK(help.find("Example") != std::string::npos);
    CHECK(help.find("octet " + command + " ") != std::string::npos);
  }
  CHECK(octet_output({"operators", "--help"}).find("convert") == std::string::npos);
  CHECK(octet_output({"--version"}) == std::string("octet ") + octet::version() + "\n");
}

TEST_CASE("cli errors: the document names every command and option, and no other") {
  const std::string document = slurp(std::string(OCTET_SOURCE_DIR) + "/docs/command-line.md");
  const auto options_in = [](const std::string& text) {
    std::set<std::string> found;
    for (std::size_t at = text.find("--"); at != std::string::npos; at = text.find("--", at)) {
      const std::size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-", at);
      if (end - at > 2 && text[at + 2] != '-') found.insert(text.substr(at, end - at));
      at = end;
    }
    return found;
  };
  std::set<std::string> options = {"--help"};
  for (const std::string& command : kCommands) {
    CHECK_MESSAGE(document.find("| `octet " + command + " ") != std::string::npos, command);
    const std::string help = octet_output({command, "--help"});
    options.merge(options_in(help));
  }
  CHECK(options_in(document) == options);
}
