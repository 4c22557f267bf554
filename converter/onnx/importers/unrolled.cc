#include "converter/onnx/importers/unrolled.h"

#include <limits>

#include "converter/onnx/importers/compose.h"

namespace octet {
namespace {

using schema::BinaryFunction;
using schema::Function;

constexpr std::int64_t kMostSteps = 1024;  // of all directions; one Concat joins them

std::int64_t gates_of(Cell cell) noexcept { return cell == Cell::rnn ? 1 : cell == Cell::gru ? 3 : 4; }

/// What a direction computes with; kAbsent where there is none.
struct Direction {
  int gates = kAbsent;    ///< the input's share of every step [N, T, G H], its bias included
  int weights = kAbsent;  ///< [H, G H] of the state
  int bias = kAbsent;     ///< [1, G H] of the state
  int peepholes = kAbsent;  ///< [1, 3 H]: i, o, f
  int h = kAbsent, c = kAbsent;  ///< [N, H]
  Function activation = Function::Tanh;  ///< of an RNN
};

class Unrolled {
 public:
  Unrolled(Compose& make, Cell cell, std::int64_t size, bool reset_after)
      : make_(make), cell_(cell), size_(size), reset_after_(reset_after) {}

  /// One step; x [N, G H].
  Result<void> step(Direction& d, int x) {
    switch (cell_) {
      case Cell::rnn: return rnn(d, x);
      case Cell::gru: return gru(d, x);
      case Cell::lstm: break;
    }
    return lstm(d, x);
  }

 private:
  Result<int> add(int a, int b) {
    if (b == kAbsent) return a;
    return make_.binary(BinaryFunction::Add, a, b);
  }
  Result<int> times(int a, int b) { return make_.binary(BinaryFunction::Mul, a, b); }
  Result<int> gate(int x, std::int64_t i) { return make_.slice(x, 1, i * size_, size_); }

  /// The state's share of the gates, with its bias; kAbsent where both are zero.
  Result<int> of_state(const Direction& d) {
    if (d.h == kAbsent) return d.bias;
    OCTET_TRY(const int y, make_.mat_mul(d.h, d.weights));
    return add(y, d.bias);
  }

  Result<void> rnn(Direction& d, int x) {
    OCTET_TRY(const int state, of_state(d));
    OCTET_TRY(const int sum, add(x, state));
    OCTET_TRY(d.h, activated(d.activation, sum));
    return {};
  }

  Result<int> activated(Function f, int x) {
    if (f == Function::Clip) return make_.pointwise(f, x, 0.0F, std::numeric_limits<float>::infinity());  // Relu
    return make_.pointwise(f, x);
  }

  /// Gate i of a sum; y may be kAbsent.
  Result<int> sum_of_gate(int x, int y, std::int64_t i) {
    OCTET_TRY(const int a, gate(x, i));
    if (y == kAbsent) return a;
    OCTET_TRY(const int b, gate(y, i));
    return add(a, b);
  }

  Result<int> gru_candidate(const Direction& d, int x, int state, int reset) {
    OCTET_TRY(const int own, gate(x, 2));
    if (reset_after_ || d.h == kAbsent) {
      if (state == kAbsent) return own;
      OCTET_TRY(int past, gate(state, 2));
      if (reset_after_) {
        OCTET_TRY(past, times(reset, past));
      }
      return add(own, past);
    }
    OCTET_TRY(const int kept, times(reset, d.h));
    OCTET_TRY(const int weights, gate(d.weights, 2));
    OCTET_TRY(const int past, make_.mat_mul(kept, weights));
    OCTET_TRY(const int sum, add(own, past));
    if (d.bias == kAbsent) return sum;
    OCTET_TRY(const int bias, gate(d.bias, 2));
    return add(sum, bias);
  }

  Result<void> gru(Direction& d, int x) {
    OCTET_TRY(const int state, of_state(d));
    OCTET_TRY(int update, sum_of_gate(x, state, 0));
    OCTET_TRY(update, make_.pointwise(Function::Sigmoid, update));
    OCTET_TRY(int reset, sum_of_gate(x, state, 1));
    OCTET_TRY(reset, make_.pointwise(Function::Sigmoid, reset));
    OCTET_TRY(int candidate, gru_candidate(d, x, state, reset));
    OCTET_TRY(candidate, make_.pointwise(Function::Tanh, candidate));
    OCTET_TRY(const int fresh, make_.binary(BinaryFunction::Sub, make_.number(Type::f32, 1), update));
    OCTET_TRY(int h, times(fresh, candidate));
    if (d.h != kAbsent) {
      OCTET_TRY(const int kept, times(update, d.h));
      OCTET_TRY(h, add(h, kept));
    }
    d.h = h;
    return {};
  }

  /// sigmoid of gate i, which sees the cell through its peephole.
  Result<int> lstm_gate(const Direction& d, int sum, std::int64_t i, int cell) {
    OCTET_TRY(int y, gate(sum, i));
    if (d.peepholes != kAbsent && cell != kAbsent) {
      OCTET_TRY(const int weights, gate(d.peepholes, i));
      OCTET_TRY(const int seen, times(cell, weights));
      OCTET_TRY(y, add(y, seen));
    }
    return make_.pointwise(Function::Sigmoid, y);
  }

  Result<void> lstm(Direction& d, int x) {
    OCTET_TRY(const int state, of_state(d));
    OCTET_TRY(const int sum, add(x, state));
    OCTET_TRY(const int in, lstm_gate(d, sum, 0, d.c));
    OCTET_TRY(int candidate, gate(sum, 3));
    OCTET_TRY(candidate, make_.pointwise(Function::Tanh, candidate));
    OCTET_TRY(int c, times(in, candidate));
    if (d.c != kAbsent) {
      OCTET_TRY(const int forget, lstm_gate(d, sum, 2, d.c));
      OCTET_TRY(const int kept, times(forget, d.c));
      OCTET_TRY(c, add(c, kept));
    }
    OCTET_TRY(const int out, lstm_gate(d, sum, 1, c));
    OCTET_TRY(const int seen, make_.pointwise(Function::Tanh, c));
    OCTET_TRY(d.h, times(out, seen));
    d.c = c;
    return {};
  }

  Compose& make_;
  Cell cell_;
  std::int64_t size_;
  bool reset_after_;
};

/// Shapes of weights, bias, peepholes and states; all f32.
Result<void> check_shapes(NodeImport& node, const RecurrentLayer& l, std::int64_t inputs) {
  const auto directions = static_cast<std::int64_t>(l.directions());
  const std::int64_t rows = l.gates * l.size;
  const Shape wanted[] = {{directions, rows, inputs}, {directions, rows, l.size}, {directions, 2 * rows}};
  for (std::size_t i = 1; i <= 3; ++i) {
    if (!node.has_input(i)) continue;
    OCTET_TRY(const int t, node.input(i));
    if (node.type(t) != Type::f32 || node.shape(t) != wanted[i - 1])
      return invalid("its input " + std::to_string(i) + " is " + name_of(node.type(t)) + " of shape " + to_string(node.shape(t)) + ", not f32 of " + to_string(wanted[i - 1]));
  }
  if (!node.has_input(7)) return {};
  OCTET_TRY(const int p, node.input(7));
  if (node.type(p) == Type::f32 && node.shape(p) == Shape{directions, 3 * l.size}) return {};
  return invalid("its peepholes have shape " + to_string(node.shape(p)));
}

/// Direction d of an input [directions, rows, columns], transposed: [columns, rows].
Result<int> matrix_of(NodeImport& node, Compose& make, std::size_t input, std::int64_t d) {
  OCTET_TRY(const int all, node.input(input));
  OCTET_TRY(const int one, make.slice(all, 0, d, 1));
  OCTET_TRY(const int matrix, make.reshape(one, {node.shape(all)[1], node.shape(all)[2]}));
  return make.transpose(matrix, {1, 0});
}

/// Values first, ... of direction d of an input [directions, values]: [1, size].
Result<int> row_of(NodeImport& node, Compose& make, std::size_t input, std::int64_t d, std::int64_t first, std::int64_t size) {
  OCTET_TRY(const int all, node.input(input));
  OCTET_TRY(const int one, make.slice(all, 0, d, 1));
  return make.slice(one, 1, first, size);
}

Result<Function> activation_of(const std::string& name) {
  if (name == "Tanh") return Function::Tanh;
  if (name == "Sigmoid") return Function::Sigmoid;
  if (name == "Relu") return Function::Clip;
  if (name == "Softsign") return Function::Softsign;
  if (name == "Softplus") return Function::Softplus;
  return unsupported("activation " + name.substr(0, 100) + " is not supported");
}

/// An RNN's, one for each direction.
Result<std::vector<Function>> read_activations(NodeImport& node, std::size_t directions) {
  OCTET_TRY(const auto names, node.attributes.texts("activations", std::vector<std::string>(directions, "Tanh")));
  if (names.size() != directions) return invalid("has " + std::to_string(names.size()) + " activations for " + std::to_string(directions) + " directions");
  std::vector<Function> functions;
  for (const std::string& name : names) {
    OCTET_TRY(const Function f, activation_of(name));
    functions.push_back(f);
  }
  return functions;
}

Result<Direction> read_direction(NodeImport& node, Compose& make, const RecurrentLayer& l, std::size_t index) {
  Direction d;
  const auto at = static_cast<std::int64_t>(index);
  const std::int64_t rows = l.gates * l.size;
  OCTET_TRY(const int weights, matrix_of(node, make, 1, at));
  OCTET_TRY(d.gates, make.mat_mul(l.x, weights));
  OCTET_TRY(d.weights, matrix_of(node, make, 2, at));
  if (node.has_input(3)) {
    OCTET_TRY(const int bias, row_of(node, make, 3, at, 0, rows));
    OCTET_TRY(d.gates, make.binary(BinaryFunction::Add, d.gates, bias));
    OCTET_TRY(d.bias, row_of(node, make, 3, at, rows, rows));
  }
  if (node.has_input(7)) {
    OCTET_TRY(d.peepholes, row_of(node, make, 7, at, 0, 3 * l.size));
  }
  OCTET_TRY(d.h, initial_state(node, l, 5, index));
  if (l.gates == 4) {
    OCTET_TRY(d.c, initial_state(node, l, 6, index));
  }
  return d;
}

/// Sequences that have ended keep their state.
Result<void> hold_ended(Compose& make, int running, const Direction& before, Direction& d) {
  const auto held = [&](int now, int last) { return make.where(running, now, last == kAbsent ? make.number(Type::f32, 0) : last); };
  OCTET_TRY(d.h, held(d.h, before.h));
  if (d.c == kAbsent) return {};
  OCTET_TRY(d.c, held(d.c, before.c));
  return {};
}

/// One step of all sequences, and what comes out, [N, 1, H]: zeros of those that have ended.
Result<int> step_at(Compose& make, Unrolled& unrolled, const RecurrentLayer& l, Direction& d, std::int64_t at) {
  OCTET_TRY(int x, make.slice(d.gates, 1, at, 1));
  OCTET_TRY(x, make.reshape(x, {-1, l.gates * l.size}));
  const Direction before = d;
  OCTET_CHECK(unrolled.step(d, x));
  int y = d.h;
  if (l.lengths != kAbsent) {
    OCTET_TRY(const int column, make.reshape(l.lengths, {-1, 1}));
    OCTET_TRY(const int running, make.compare(schema::Comparison::Greater, column, make.number(Type::s32, static_cast<double>(at))));
    OCTET_TRY(y, make.where(running, d.h, make.number(Type::f32, 0)));
    OCTET_CHECK(hold_ended(make, running, before, d));
  }
  return make.reshape(y, {-1, 1, l.size});
}

}  // namespace

bool has_constant_weights(const NodeImport& node) { return node.constant(1) && node.constant(2) && (!node.has_input(3) || node.constant(3)); }

Result<void> import_unrolled(NodeImport& node, Cell cell) {
  RecurrentLayer l;
  OCTET_TRY(const std::int64_t reset_after, cell == Cell::gru ? node.attributes.integer("linear_before_reset", 0) : Result<std::int64_t>(0));
  OCTET_TRY(l, read_recurrent_input(node, gates_of(cell)));
  std::vector<Function> activations(l.directions(), Function::Tanh);
  if (cell == Cell::rnn) {
    OCTET_TRY(activations, read_activations(node, l.directions()));
  } else {
    OCTET_CHECK(check_default_activations(node, cell == Cell::gru ? std::vector<std::string>{"Sigmoid", "Tanh"} : std::vector<std::string>{"Sigmoid", "Tanh", "Tanh"}, l.directions()));
  }
  OCTET_CHECK(check_shapes(node, l, node.shape(l.x)[2]));
  if (l.steps * static_cast<std::int64_t>(l.directions()) > kMostSteps) return unsupported(std::to_string(l.steps) + " steps are too many");
  Compose make(node);
  Unrolled unrolled(make, cell, l.size, reset_after != 0);
  std::vector<int> steps, last_h, last_c;  // of each direction
  for (std::size_t i = 0; i < l.directions(); ++i) {
    OCTET_TRY(Direction d, read_direction(node, make, l, i));
    d.activation = activations[i];
    std::vector<int> h(static_cast<std::size_t>(l.steps));
    for (std::int64_t t = 0; t < l.steps; ++t) {
      const std::int64_t at = l.reverse[i] ? l.steps - 1 - t : t;
      OCTET_TRY(h[static_cast<std::size_t>(at)], step_at(make, unrolled, l, d, at));
    }
    OCTET_TRY(const int joined, make.concat(std::move(h), 1));
    steps.push_back(joined);
    last_h.push_back(d.h);
    last_c.push_back(d.c);
  }
  OCTET_CHECK(emit_steps(node, l, steps));
  OCTET_CHECK(emit_states(node, l, 1, last_h));
  return cell == Cell::lstm ? emit_states(node, l, 2, last_c) : Result<void>();
}

}  // namespace octet
