#include "xgrad/io/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <sstream>

namespace xgrad {

namespace {
constexpr double redraw_every = .2, line_every = 60;  // seconds
constexpr std::size_t bar_width = 24;

std::size_t terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/// At most `columns` characters of UTF-8: a line that wraps could not be drawn over.
std::string cut(const std::string& line, std::size_t columns) {
  std::size_t characters = 0, i = 0;
  for (; i < line.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(line[i]) & 0xc0) != 0x80;
    if (begins && characters++ == columns) break;
  }
  return line.substr(0, i);
}

std::string bar(double share) {
  const auto filled = static_cast<std::size_t>(share * bar_width);
  std::string text(bar_width, ' ');
  std::fill_n(text.begin(), filled, '=');
  if (filled < bar_width) text[filled] = '>';
  return " [" + text + "]";
}
}  // namespace

std::string clock_text(double seconds) {
  const auto whole = static_cast<unsigned long long>(std::max(0., std::round(seconds)));
  std::ostringstream text;
  text << std::setfill('0');
  if (whole >= 3600) text << whole / 3600 << ':' << std::setw(2);
  text << whole / 60 % 60 << ':' << std::setw(2) << whole % 60;
  return text.str();
}

Progress::Progress(std::string label, std::size_t total)
    : Progress(std::move(label), total, std::cerr, isatty(STDERR_FILENO) == 1) {}

Progress::Progress(std::string label, std::size_t total, std::ostream& out, bool terminal)
    : label_(std::move(label)),
      total_(total),
      out_(out),
      terminal_(terminal),
      begin_(Clock::now()),
      drawn_at_(begin_) {}

Progress::~Progress() {
  if (!terminal_) return;
  if (drawn_) draw();
  if (drawn_) out_ << '\n' << std::flush;
}

double Progress::seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

void Progress::update(std::size_t done, const std::string& text) {
  done_ = std::min(done, total_);
  text_ = text;
  if (due(Clock::now())) draw();
}

bool Progress::due(Clock::time_point now) const {
  const double since = std::chrono::duration<double>(now - drawn_at_).count();
  const bool complete = done_ == total_ && (!drawn_ || drawn_done_ != total_);
  if (terminal_) return complete || !drawn_ || since >= redraw_every;
  const auto tenth = [this](std::size_t n) { return static_cast<int>(10. * double(n) / double(total_)); };
  return complete || (total_ > 0 && tenth(done_) > tenth(drawn_done_)) || since >= line_every;
}

std::string Progress::counts() const {
  const std::string total = std::to_string(total_), done = std::to_string(done_);
  return std::string(total.size() - done.size(), ' ') + done + '/' + total;
}

std::string Progress::time_left() const {
  if (done_ == total_) return clock_text(seconds()) + " taken";
  if (done_ == 0) return "";
  return clock_text(seconds() / double(done_) * double(total_ - done_)) + " left";
}

void Progress::draw() {
  const std::string rest = (text_.empty() ? "" : "  " + text_) + (done_ == 0 ? "" : "  " + time_left());
  if (terminal_) {
    const double share = total_ > 0 ? double(done_) / double(total_) : 1;
    // Never the last column: some terminals would wrap there. The escape sequence clears the rest of the
    // line.
    out_ << '\r' << cut(label_ + bar(share) + ' ' + counts() + rest, terminal_columns() - 1) << "\x1b[K"
         << std::flush;
  } else {
    out_ << label_ << ' ' << counts() << rest << std::endl;
  }
  drawn_ = true;
  drawn_done_ = done_;
  drawn_at_ = Clock::now();
}

}  // namespace xgrad
