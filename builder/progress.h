#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace gantry::builder {

// Tells how a build goes, in docker's plain notation: "#5 [web 2/4] RUN make", "#5 0.213 output", "#5
// CACHED",
// "#5 DONE 1.2s". Several stages may tell at once.
class Progress {
 public:
  using Line = std::function<void(const std::string&)>;  // gets whole lines, one call at a time
  explicit Progress(Line line) : line_(std::move(line)) {}

  // One step; tells its end when destroyed without a word about it.
  class Step {
   public:
    Step(Progress& progress, const std::string& title);
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;
    void cached();
    void done();
    void failed(const std::string& error);
    void note(const std::string& text);
    void output(std::string_view piece);  // cut into lines here

   private:
    void flush();
    std::string seconds() const;
    Progress& progress_;
    int number_;
    std::chrono::steady_clock::time_point begin_;
    std::string rest_;
  };

 private:
  int next();
  void say(int number, const std::string& text);
  Line line_;
  std::mutex mutex_;
  int last_ = 0;
};

}  // namespace gantry::builder
