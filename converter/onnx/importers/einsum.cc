// Einsum: sums of products over named axes, two operands at a time: each pair is a product of matrices.
#include <algorithm>
#include <map>

#include "converter/onnx/importers/compose.h"

namespace octet {
namespace {

/// An operand whose axes are named, each name once. Axes that "..." stands for are named '0', '1' ... from the last one.
struct Term {
  int tensor = kAbsent;
  std::string axes;
};

class Einsum {
 public:
  Einsum(NodeImport& node, Compose& make) : node_(node), make_(make) {}

  Result<int> operator()(const std::string& equation) {
    OCTET_CHECK(read(equation));
    for (std::size_t i = 0; i < terms_.size(); ++i) {
      OCTET_CHECK(diagonals(terms_[i]));
      remember_sizes(terms_[i]);
    }
    Term all = terms_[0];
    for (std::size_t i = 1; i < terms_.size(); ++i) {
      OCTET_TRY(all, product(all, terms_[i], names_after(i + 1)));
    }
    OCTET_CHECK(sum_out(all, output_));
    return permuted(all, output_);
  }

 private:
  Result<void> read(const std::string& equation) {
    std::string text = equation;
    std::erase(text, ' ');
    if (text.size() > 1000) return unsupported("its equation is too long");
    const std::size_t arrow = text.find("->");
    const std::string left = text.substr(0, arrow);
    std::size_t begin = 0;
    for (std::size_t i = 0; i < node_.input_count(); ++i) {
      const std::size_t end = std::min(left.find(',', begin), left.size());
      if (begin > left.size()) return invalid("its equation has fewer terms than there are inputs");
      OCTET_TRY(const int tensor, node_.input(i));
      if (node_.type(tensor) != Type::f32) return unsupported(std::string("its input is ") + name_of(node_.type(tensor)) + ", not f32");
      OCTET_TRY(std::string axes, named(left.substr(begin, end - begin), node_.rank(tensor)));
      terms_.push_back({tensor, std::move(axes)});
      begin = end + 1;
    }
    if (begin <= left.size()) return invalid("its equation has more terms than there are inputs");
    if (arrow == std::string::npos) return implicit_output();
    OCTET_TRY(output_, named(text.substr(arrow + 2), 0));
    for (std::size_t i = 0; i < output_.size(); ++i) {
      const bool twice = output_.find(output_[i], i + 1) != std::string::npos;
      const bool known = std::ranges::any_of(terms_, [&](const Term& t) { return t.axes.find(output_[i]) != std::string::npos; });
      if (twice || !known) return invalid(std::string("its output's axis '") + output_[i] + "' is " + (twice ? "there twice" : "no input's"));
    }
    return {};
  }

  /// A term's letters, "..." replaced by as many names as the rank leaves (of the output, as many as inputs have).
  Result<std::string> named(const std::string& term, std::size_t rank) {
    const std::size_t dots = term.find("...");
    const bool has_dots = dots != std::string::npos;
    const std::string letters = has_dots ? term.substr(0, dots) + term.substr(dots + 3) : term;
    for (const char c : letters)
      if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) return invalid("its equation has the term '" + term + "'");
    if (rank == 0 && has_dots && reading_output()) return term.substr(0, dots) + dots_of(most_dots_) + term.substr(dots + 3);
    if (reading_output()) return letters;
    if (letters.size() > rank || (!has_dots && letters.size() != rank))
      return invalid("its term '" + term + "' does not fit rank " + std::to_string(rank));
    if (!has_dots) return letters;
    most_dots_ = std::max(most_dots_, rank - letters.size());
    return term.substr(0, dots) + dots_of(rank - letters.size()) + term.substr(dots + 3);
  }
  [[nodiscard]] bool reading_output() const { return terms_.size() == node_.input_count(); }
  static std::string dots_of(std::size_t count) {
    std::string names;
    for (std::size_t i = count; i-- > 0;) names += static_cast<char>('0' + i);  // a rank is at most 8
    return names;
  }

  /// "..." and then the letters that are there once, in alphabetical order.
  Result<void> implicit_output() {
    std::map<char, int> count;
    for (const Term& t : terms_)
      for (const char c : t.axes) ++count[c];
    output_ = dots_of(most_dots_);
    for (const auto& [c, n] : count)
      if (n == 1 && c > '9') output_ += c;
    return {};
  }

  /// Axes with one name become one: their diagonal.
  Result<void> diagonals(Term& t) {
    for (std::size_t i = 0; i < t.axes.size(); ++i) {
      for (std::size_t j = t.axes.find(t.axes[i], i + 1); j != std::string::npos; j = t.axes.find(t.axes[i], i + 1)) {
        const std::int64_t size = node_.shape(t.tensor)[i];
        if (node_.shape(t.tensor)[j] != size) return invalid(std::string("axes '") + t.axes[i] + "' differ in size");
        OCTET_TRY(t.tensor, make_.axis_last(t.tensor, j));
        OCTET_TRY(t.tensor, make_.axis_last(t.tensor, i));  // [..., other, this]
        Shape flat = make_.open(t.tensor);
        flat.pop_back();
        if (flat.back() == -1) return node_.follows_batch("a diagonal follows the batch");
        flat.back() = element_count({size, size});
        OCTET_TRY(t.tensor, make_.reshape(t.tensor, flat));
        OCTET_TRY(t.tensor, make_.slice(t.tensor, flat.size() - 1, 0, size, size + 1));
        const char name = t.axes[i];
        t.axes.erase(j, 1);
        t.axes.erase(i, 1);
        t.axes += name;
        i = 0;
      }
    }
    return {};
  }

  void remember_sizes(const Term& t) {
    const Shape open = make_.open(t.tensor);
    for (std::size_t i = 0; i < t.axes.size(); ++i) {
      std::int64_t& size = sizes_.try_emplace(t.axes[i], open[i]).first->second;
      if (size == 1) size = open[i];
    }
  }

  /// Names that the output or a term from `first` on has.
  [[nodiscard]] std::string names_after(std::size_t first) const {
    std::string names = output_;
    for (std::size_t i = first; i < terms_.size(); ++i) names += terms_[i].axes;
    return names;
  }

  Result<void> sum_out(Term& t, const std::string& wanted) {
    std::vector<int> axes;
    std::string left;
    for (std::size_t i = 0; i < t.axes.size(); ++i) {
      if (wanted.find(t.axes[i]) == std::string::npos) axes.push_back(static_cast<int>(i));
      else left += t.axes[i];
    }
    if (axes.empty()) return {};
    OCTET_TRY(t.tensor, make_.reduce(schema::Reduction::Sum, t.tensor, axes, false));
    t.axes = left;
    return {};
  }

  Result<int> permuted(const Term& t, const std::string& order) {
    std::vector<int> perm;
    for (const char c : order) perm.push_back(static_cast<int>(t.axes.find(c)));
    if (perm.size() != t.axes.size()) return invalid("its output lacks axes");
    return make_.transpose(t.tensor, std::move(perm));
  }

  /// The axes in this order, those after the first `kept` ones merged into two.
  Result<int> matrix(const Term& t, const std::string& kept, const std::string& rows, const std::string& columns) {
    OCTET_TRY(const int y, permuted(t, kept + rows + columns));
    const Shape open = make_.open(y);
    Shape shape(open.begin(), open.begin() + static_cast<std::ptrdiff_t>(kept.size()));
    for (const std::string& part : {rows, columns}) {
      std::int64_t size = 1;
      for (const char c : part) {
        const std::int64_t of = open[(kept + rows + columns).find(c)];
        size = size < 0 || of < 0 ? -1 : element_count({size, of});
      }
      shape.push_back(size);
    }
    return make_.reshape(y, shape);
  }

  Result<Term> product(Term a, Term b, const std::string& wanted) {
    const auto has = [](const std::string& names, char c) { return names.find(c) != std::string::npos; };
    OCTET_CHECK(sum_out(a, wanted + b.axes));
    OCTET_CHECK(sum_out(b, wanted + a.axes));
    std::string kept, summed, rows, columns;
    for (const char c : a.axes) (!has(b.axes, c) ? rows : has(wanted, c) ? kept : summed) += c;
    for (const char c : b.axes)
      if (!has(a.axes, c)) columns += c;
    OCTET_TRY(const int left, matrix(a, kept, rows, summed));
    OCTET_TRY(const int right, matrix(b, kept, summed, columns));
    OCTET_TRY(const int y, make_.mat_mul(left, right));
    Shape shape;
    for (const char c : kept + rows + columns) shape.push_back(sizes_.at(c));
    OCTET_TRY(const int apart, make_.reshape(y, shape));
    return Term{apart, kept + rows + columns};
  }

  NodeImport& node_;
  Compose& make_;
  std::vector<Term> terms_;
  std::string output_;
  std::map<char, std::int64_t> sizes_;  // -1 for the one that follows the batch
  std::size_t most_dots_ = 0;
};

Result<void> import_einsum(NodeImport& node) {
  if (!node.attributes.has("equation")) return invalid("has no equation");
  OCTET_TRY(const std::string equation, node.attributes.text("equation", ""));
  Compose make(node);
  OCTET_TRY(const int y, Einsum(node, make)(equation));
  return make.finish(y);
}

}  // namespace

void register_einsum(ImporterTable& table) { table.add("Einsum", {1, 64, import_einsum}); }

}  // namespace octet
