#include "agent/image_cleanup.h"

#include "base/log.h"
#include "base/text.h"
#include "oci/reference.h"

#include <algorithm>
#include <set>

namespace gantry::agent {

namespace {

// One spelling for each image: "web" is "docker.io/library/web:latest".
std::string normal_name(const std::string& name) {
  const auto reference = oci::Reference::parse(name);
  return reference ? reference->string() : name;
}

bool has_name_of(const TrackedImage& image, const std::set<std::string>& names) {
  return std::any_of(image.names.begin(), image.names.end(),
                     [&](const auto& name) { return names.contains(name); });
}

std::set<std::string> images_of(const std::vector<Task>& tasks) {
  std::set<std::string> names;
  for (const auto& task : tasks) {
    for (const auto& container : task.payload.containers) names.insert(normal_name(container.image));
  }
  return names;
}

}  // namespace

std::vector<TrackedImage> images_to_remove(const std::vector<TrackedImage>& tracked,
                                           const std::vector<Task>& tasks, const Config& config,
                                           TimePoint now) {
  auto kept = images_of(tasks);
  for (const auto& name : config.image_cleanup_exclusions) kept.insert(normal_name(name));
  std::vector<TrackedImage> removable;
  for (const auto& image : tracked) {
    const bool old = now - image.pulled_at >= config.image_cleanup_age;
    if (old && !has_name_of(image, kept)) removable.push_back(image);
  }
  std::stable_sort(removable.begin(), removable.end(), [](const auto& left, const auto& right) {
    return left.last_used_at < right.last_used_at;
  });
  return removable;
}

Result<void> ImageCleanup::restore() {
  auto tracked = TRY(store_.load_images());
  const std::lock_guard lock(mutex_);
  tracked_ = std::move(tracked);
  return {};
}

Result<PulledImage> ImageCleanup::pull(const std::string& image, const RegistryLogin& login) {
  const std::shared_lock lock(pulling_);
  auto pulled = TRY(driver_.pull(image, login, config_.pull_behavior));
  note(image, pulled);
  return pulled;
}

void ImageCleanup::note(const std::string& image, const PulledImage& pulled) {
  const auto name = normal_name(image);
  const auto now = clock_.now();
  const std::lock_guard lock(mutex_);
  const auto known =
      std::find_if(tracked_.begin(), tracked_.end(), [&](const auto& each) { return each.id == pulled.id; });
  const bool tracked = known != tracked_.end();
  // The name is this image's now: an older one that had it is left to be removed under its id.
  bool changed = false;
  for (auto& other : tracked_) {
    if (other.id != pulled.id) changed |= std::erase(other.names, name) > 0;
  }
  if (tracked) {
    if (std::find(known->names.begin(), known->names.end(), name) == known->names.end()) {
      known->names.push_back(name);
    }
    known->pulled_at = known->last_used_at = now;
  } else if (pulled.is_new) {
    tracked_.push_back({pulled.id, {name}, now, now});
  }
  if (changed || tracked || pulled.is_new) save_locked();
}

bool ImageCleanup::clean(const std::function<std::vector<Task>()>& tasks) {
  const std::unique_lock alone(pulling_, std::try_to_lock);
  if (!alone) return false;
  const auto known = tasks();
  note_uses(known);
  std::vector<TrackedImage> tracked;
  {
    const std::lock_guard lock(mutex_);
    tracked = tracked_;
  }
  auto removable = images_to_remove(tracked, known, config_, clock_.now());
  const auto most = static_cast<size_t>(config_.images_removed_per_cycle);
  if (removable.size() > most) removable.resize(most);
  for (const auto& image : removable) remove(image);
  return true;
}

void ImageCleanup::note_uses(const std::vector<Task>& tasks) {
  const auto names = images_of(tasks);
  const auto now = clock_.now();
  const std::lock_guard lock(mutex_);
  for (auto& image : tracked_) {
    if (has_name_of(image, names)) image.last_used_at = now;
  }
  save_locked();
}

void ImageCleanup::remove(const TrackedImage& image) {
  const auto names = join(image.names, ",");
  const auto removed = driver_.remove_image(image.id, image.names);
  const std::lock_guard lock(mutex_);
  if (!removed) {
    log::warning("image not removed image={} names={} error=\"{}\"", image.id, names,
                 removed.error().message());
    for (auto& each : tracked_) {
      if (each.id == image.id) each.last_used_at = clock_.now();  // the others have their turn first
    }
  } else {
    log::info("image no longer needed, removed image={} names={}", image.id, names);
    std::erase_if(tracked_, [&](const auto& each) { return each.id == image.id; });
  }
  save_locked();
}

void ImageCleanup::save_locked() {
  if (const auto saved = store_.save_images(tracked_); !saved) {
    log::error("pulled images not saved error=\"{}\"", saved.error().message());
  }
}

}  // namespace gantry::agent
