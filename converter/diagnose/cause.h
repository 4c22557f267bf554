// Why a quantized layer loses accuracy.
#pragma once

#include <string>

#include "converter/diagnose/damage.h"

namespace octet {

/// Where the error of one layer's own output comes from. Powers are sums of squares over all recorded values.
struct LayerError {
  double signal = 0;
  double weights = 0;   ///< of the constants (for a dynamic product, of its input, too)
  double rounding = 0;  ///< of output values within the range of its u8 form
  double clipping = 0;  ///< of those outside
  double clipped = 0;   ///< their share
};

struct Cause {
  std::string name;    ///< "clipping", "outlier channel", "wide range", "dead channels", "unbalanced weights", "unbalanced pair", "rounding"
  std::string detail;  ///< a sentence with the numbers
  LayerError error;
};

/// `damage` is what the layer does to the outputs (damage.h), `quantized` the graph it is one of.
[[nodiscard]] Result<Cause> find_cause(const Recording& recording, const QuantizedLayer& layer, double damage, const Graph& quantized);

}  // namespace octet
