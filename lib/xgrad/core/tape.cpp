#include "xgrad/core/tape.hpp"

#include <algorithm>
#include <cmath>
#include <ostream>
#include <unordered_map>

#include "xgrad/core/scalars.hpp"

namespace xgrad {

namespace {
// In a .cpp file on purpose: an inline thread_local member of a class template breaks on some compilers.
template <class T>
Tape<T>*& current_tape() {
  thread_local Tape<T>* tape = nullptr;
  return tape;
}

int& pauses() {
  thread_local int count = 0;
  return count;
}
}  // namespace

NoGrad::NoGrad() { ++pauses(); }
NoGrad::~NoGrad() { --pauses(); }
bool NoGrad::active() { return pauses() > 0; }

template <class T>
Tape<T>::Tape() : outer_(current_tape<T>()) {
  current_tape<T>() = this;
}

template <class T>
Tape<T>::~Tape() {
  // Scopes end in reverse order; should a tape on the heap end early, it is unlinked where it stands.
  Tape** link = &current_tape<T>();
  while (*link && *link != this) link = &(*link)->outer_;
  if (*link) *link = outer_;
}

template <class T>
Tape<T>* Tape<T>::current() {
  return current_tape<T>();
}

template <class T>
void Tape<T>::append(const char* op, VariableList<T> inputs, Variable<T>& output, Vjp<T> vjp) {
  output.node_->requires_grad = true;
  output.node_->position = entries_.size();
  entries_.push_back({op, std::move(inputs), output, std::move(vjp)});
}

template <class T>
bool Tape<T>::holds(const Variable<T>& y) const {
  const std::size_t i = y.node().position;
  return i < entries_.size() && entries_[i].output.node_ == y.node_;
}

template <class T>
void Tape<T>::backward(const Variable<T>& loss, Keep keep) {
  if (loss.size() != 1)
    fail("backward", "the value is ", xgrad::to_string(loss.shape()),
         ": only a scalar can start alone; give a cotangent of its shape, or reduce it with sum or mean");
  backward(loss, full<T>(loss.shape(), T(1)), keep);
}

template <class T>
void Tape<T>::backward(const Variable<T>& y, Array<T> cotangent, Keep keep) {
  if (spent_)
    fail("backward",
         "this tape is spent: its backward pass has run already; compute again on a fresh Tape, or "
         "call the first backward with Keep::yes");
  if (!holds(y))
    fail("backward",
         "this value was not recorded on this tape: create the Tape before the computation, and let "
         "the value depend on a parameter");
  if (shape_of(cotangent) != y.shape())
    fail("backward", "the cotangent is ", xgrad::to_string(shape_of(cotangent)), ", the value is ",
         xgrad::to_string(y.shape()), ": both must have the same shape");
  for (Entry& entry : entries_) entry.output.zero_grad();
  y.accumulate(std::move(cotangent));

  spent_ = keep == Keep::no;
  if (spent_)
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(y.node_->position) + 1, entries_.end());
  const NoGrad pause;
  for (std::size_t i = y.node_->position + 1; i-- > 0;) {
    Entry& entry = entries_[i];
    if (entry.output.has_grad()) {
      const auto& node = entry.output.node_;
      const bool read_later =
          !spent_ || node.use_count() > 1;  // by a print-out, or by a handle that the user kept
      entry.vjp(node->value, read_later ? Gradient<T>(*node->grad) : Gradient<T>(std::move(*node->grad)));
    }
    if (spent_) entries_.pop_back();  // what only this entry still needed is free now
  }
}

namespace {
/// ‖a‖₂ in double, scaled by the largest entry so that nothing underflows.
template <class T>
double norm(const Array<T>& a) {
  double largest = 0, sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double size = std::abs(double(a.data()[i]));
    if (std::isnan(size)) return size;
    largest = std::max(largest, size);
  }
  if (largest == 0 || !std::isfinite(largest)) return largest;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(double(a.data()[i]) / largest, 2);
  return largest * std::sqrt(sum);
}
}  // namespace

namespace {
/// The values of a tape in the order in which they come up, leaves included: what both print-outs walk over.
template <class T>
struct Line {
  Variable<T> value;
  const char* op;                   // null for a leaf
  std::vector<std::size_t> inputs;  // numbers of earlier lines
};

template <class T>
std::vector<Line<T>> lines(const Tape<T>& tape) {
  std::vector<Line<T>> result;
  std::unordered_map<const Array<T>*, std::size_t> number;
  for (const auto& entry : tape.entries()) {
    std::vector<std::size_t> inputs;
    for (const auto& input : entry.inputs) {
      const auto [at, is_new] = number.emplace(&input.value(), result.size());
      if (is_new) result.push_back({input, nullptr, {}});
      inputs.push_back(at->second);
    }
    number[&entry.output.value()] = result.size();
    result.push_back({entry.output, entry.op, std::move(inputs)});
  }
  return result;
}

template <class T>
const char* kind(const Line<T>& line) {
  return line.op ? line.op : line.value.requires_grad() ? "parameter" : "constant";
}

/// What a graph calls a value, quoted for Graphviz: "mul", "weight", or "h = mul".
template <class T>
std::string label(const Line<T>& line) {
  std::string text;
  for (char c : line.value.name()) text += (c == '"' || c == '\\') ? std::string{'\\', c} : std::string{c};
  if (text.empty()) return kind(line);
  return line.op ? text + " = " + line.op : text;
}
}  // namespace

template <class T>
std::string Tape<T>::to_string() const {
  if (spent_) return "(spent tape: call backward with Keep::yes to look at it afterwards)\n";
  std::ostringstream text;
  std::size_t number = 0;
  for (const auto& line : lines(*this)) {
    text << 'v' << ++number << " = " << kind(line);
    if (line.op) {
      text << '(';
      for (std::size_t i = 0; i < line.inputs.size(); ++i) text << (i ? ", v" : "v") << line.inputs[i] + 1;
      text << ')';
    }
    if (!line.value.name().empty())
      text << " \"" << line.value.name() << '"';
    else if (!line.op && line.value.rank() == 0)
      text << ' ' << xgrad::to_string(line.value.value());
    text << "  " << xgrad::to_string(line.value.shape()) << '\n';
  }
  return text.str();
}

template <class T>
std::string Tape<T>::to_dot() const {
  std::ostringstream text;
  text.precision(5);
  text << "digraph tape {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n";
  std::size_t number = 0;
  for (const auto& line : lines(*this)) {
    const auto& v = line.value;
    const bool scalar = v.size() == 1;
    text << "  v" << ++number << " [label=\"" << label(line) << "  " << xgrad::to_string(v.shape()) << "\\n"
         << (scalar ? "value " : "‖value‖ ") << (scalar ? double(v.value().data()[0]) : norm(v.value()));
    if (v.has_grad())
      text << "\\n"
           << (scalar ? "grad " : "‖grad‖ ") << (scalar ? double(v.grad().data()[0]) : norm(v.grad()));
    text << '"' << (line.op ? "" : ", style=filled, fillcolor=\"#eeeeee\"") << "];\n";
    for (std::size_t input : line.inputs) text << "  v" << input + 1 << " -> v" << number << ";\n";
  }
  text << "}\n";
  return text.str();
}

template <class T>
std::ostream& operator<<(std::ostream& out, const Tape<T>& tape) {
  return out << tape.to_string();
}

template <class T>
bool recording(const VariableList<T>& inputs) {
  const Tape<T>* tape = Tape<T>::current();
  return tape && !tape->spent() && !NoGrad::active() &&
         std::any_of(inputs.begin(), inputs.end(), [](const auto& x) { return x.requires_grad(); });
}

template <class T>
Variable<T> record(const char* op, Array<T> value, VariableList<T> inputs, Vjp<T> vjp) {
  Variable<T> y(std::move(value));
  if (recording(inputs)) Tape<T>::current()->append(op, std::move(inputs), y, std::move(vjp));
  return y;
}

#define XGRAD_INSTANTIATE(T)                                        \
  template class Tape<T>;                                           \
  template std::ostream& operator<<(std::ostream&, const Tape<T>&); \
  template bool recording(const VariableList<T>&);                  \
  template Variable<T> record(const char*, Array<T>, VariableList<T>, Vjp<T>);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
