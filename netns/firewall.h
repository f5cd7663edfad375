#pragma once

#include "base/result.h"
#include "netns/lease.h"

#include <string>
#include <vector>

namespace gantry::netns {

// The one nftables table of a bridge. Each change is one transaction. Source: nft(8).
class Firewall {
 public:
  Firewall(std::string table, std::string bridge) : table_(std::move(table)), bridge_(std::move(bridge)) {}

  // Replaces the whole table, so that it says exactly what the leases say.
  Result<void> rewrite(const std::vector<Lease>& leases) const;

  // Adds or deletes the elements of one lease. Errors when the table isn't as expected, for instance because
  // somebody flushed the ruleset: rewrite() then.
  Result<void> add(const Lease& lease) const;
  Result<void> erase(const Lease& lease) const;

  Result<void> remove() const;  // the table; missing: fine

 private:
  std::string elements(std::string_view verb, const Lease& lease) const;

  std::string table_;
  std::string bridge_;
};

// Chains at the forward hook, of others than `table`, whose policy is to drop: "ip filter FORWARD".
Result<std::vector<std::string>> dropping_forward_chains(const std::string& table);

}  // namespace gantry::netns
