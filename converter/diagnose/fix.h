// Which option of the converter would help a layer, tried out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "converter/diagnose/damage.h"
#include "converter/observe/statistics.h"

namespace octet {

/// An option of `octet convert` and what is left of the layer's damage with it (a noise-to-signal ratio).
struct Fix {
  std::string option;
  double damage = 0;
};

/// What `quantized` was made with, as its provenance tells, and what the float model's tensors hold.
struct FixContext {
  const Recording& recording;
  const Graph& quantized;
  const std::vector<Statistics>& statistics;  ///< of the float model's tensors, with histograms
  /// The same of the float model after equalization; absent where that was done, or changes nothing.
  struct Equalized {
    const Recording& recording;
    std::vector<Statistics> statistics;
  };
  std::optional<Equalized> equalized = {};
};

/// The option with which the layer does the least damage; "--samples N" stands for more calibration data. Where that takes half of
/// the damage away, an option that chooses a range must leave half of what it leaves: it is tried on the same new data. --float NODE
/// always helps; it is chosen only where no other option takes at least half of the damage away.
[[nodiscard]] Result<Fix> find_fix(const FixContext& context, const QuantizedLayer& layer, double damage);

}  // namespace octet
