// GroupNorm per frame, SiLU and the two leading frames of a causal conv in one pass, forward and backward.
//
// Activations are bfloat16, channels last; sums and the function itself are float32. torch's own operators
// took more than half of a training step.

#include <torch/extension.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

constexpr int MAX_CHANNELS = 256;

inline float widen(uint16_t bits) {
  uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, 4);
  return value;
}

inline uint16_t narrow(float value) {  // to nearest, ties to even
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

inline float sigmoid(float value) { return 1.0f / (1.0f + std::exp(-value)); }

uint16_t* bits(const at::Tensor& tensor) { return reinterpret_cast<uint16_t*>(tensor.data_ptr<at::BFloat16>()); }

struct Shape {
  int64_t clips, frames, pixels, channels, groups, front;
  int64_t width() const { return channels / groups; }
  int64_t frame() const { return pixels * channels; }
};

// u = x * scale + shift is the normalised value of a channel of one frame
void affine(const Shape& s, const float* mean, const float* rstd, const float* weight, const float* bias,
            float* scale, float* shift) {
  for (int64_t c = 0; c < s.channels; ++c) {
    const int64_t g = c / s.width();
    scale[c] = rstd[g] * weight[c];
    shift[c] = bias[c] - mean[g] * scale[c];
  }
}

}  // namespace

// x (B, T, P, C) bfloat16 -> y (B, front + T, P, C), mean and rstd (B, T, G); y starts with `front` copies
// of its first frame
std::vector<at::Tensor> forward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                                int64_t groups, double eps, int64_t front) {
  TORCH_CHECK(x.is_contiguous() && x.dim() == 4 && x.size(3) <= MAX_CHANNELS);
  const Shape s{x.size(0), x.size(1), x.size(2), x.size(3), groups, front};
  auto y = at::empty({s.clips, s.frames + front, s.pixels, s.channels}, x.options());
  auto mean = at::empty({s.clips, s.frames, groups}, weight.options());
  auto rstd = at::empty_like(mean);
  const float *w = weight.data_ptr<float>(), *b = bias.data_ptr<float>();
  at::parallel_for(0, s.clips * s.frames, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const int64_t clip = n / s.frames, t = n % s.frames;
      const uint16_t* in = bits(x) + n * s.frame();
      float sum[MAX_CHANNELS] = {}, square[MAX_CHANNELS] = {}, scale[MAX_CHANNELS], shift[MAX_CHANNELS];
      for (int64_t p = 0; p < s.pixels; ++p)
        for (int64_t c = 0; c < s.channels; ++c) {
          const float value = widen(in[p * s.channels + c]);
          sum[c] += value;
          square[c] += value * value;
        }
      float *m = mean.data_ptr<float>() + n * groups, *r = rstd.data_ptr<float>() + n * groups;
      for (int64_t g = 0; g < groups; ++g) {
        double first = 0, second = 0, count = static_cast<double>(s.pixels * s.width());
        for (int64_t c = g * s.width(); c < (g + 1) * s.width(); ++c) first += sum[c], second += square[c];
        m[g] = static_cast<float>(first / count);
        r[g] = static_cast<float>(1.0 / std::sqrt(std::max(0.0, second / count - first / count * first / count) + eps));
      }
      affine(s, m, r, w, b, scale, shift);
      uint16_t* out = bits(y) + (clip * (s.frames + front) + front + t) * s.frame();
      for (int64_t p = 0; p < s.pixels; ++p)
        for (int64_t c = 0; c < s.channels; ++c) {
          const float u = widen(in[p * s.channels + c]) * scale[c] + shift[c];
          out[p * s.channels + c] = narrow(u * sigmoid(u));
        }
      if (t == 0)
        for (int64_t f = 1; f <= front; ++f) std::memcpy(out - f * s.frame(), out, s.frame() * 2);
    }
  });
  return {y, mean, rstd};
}

// dy (B, front + T, P, C) bfloat16 -> dx (B, T, P, C), dweight and dbias (C)
std::vector<at::Tensor> backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                                 const at::Tensor& bias, const at::Tensor& mean, const at::Tensor& rstd,
                                 int64_t front) {
  TORCH_CHECK(dy.is_contiguous() && x.is_contiguous());
  const Shape s{x.size(0), x.size(1), x.size(2), x.size(3), mean.size(2), front};
  auto dx = at::empty_like(x);
  auto parts = at::zeros({s.clips * s.frames, 2, s.channels}, weight.options());
  const float *w = weight.data_ptr<float>(), *b = bias.data_ptr<float>();
  at::parallel_for(0, s.clips * s.frames, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> first(s.frame());  // the gradient of a clip's first frame, summed over its copies
    for (int64_t n = begin; n < end; ++n) {
      const int64_t clip = n / s.frames, t = n % s.frames;
      const uint16_t* in = bits(x) + n * s.frame();
      const uint16_t* up = bits(dy) + (clip * (s.frames + front) + front + t) * s.frame();
      uint16_t* out = bits(dx) + n * s.frame();
      const float *m = mean.data_ptr<float>() + n * s.groups, *r = rstd.data_ptr<float>() + n * s.groups;
      float scale[MAX_CHANNELS], shift[MAX_CHANNELS], plain[MAX_CHANNELS] = {}, times[MAX_CHANNELS] = {};
      affine(s, m, r, w, b, scale, shift);
      const bool summed = t == 0 && front > 0;
      if (summed) {
        for (int64_t i = 0; i < s.frame(); ++i) first[i] = widen(up[i]);
        for (int64_t f = 1; f <= front; ++f)
          for (int64_t i = 0; i < s.frame(); ++i) first[i] += widen(up[i - f * s.frame()]);
      }
      for (int64_t p = 0; p < s.pixels; ++p)
        for (int64_t c = 0; c < s.channels; ++c) {
          const int64_t i = p * s.channels + c;
          const float value = widen(in[i]), u = value * scale[c] + shift[c], gate = sigmoid(u);
          const float above = summed ? first[i] : widen(up[i]);
          const float du = above * gate * (1.0f + u * (1.0f - gate));
          plain[c] += du;
          times[c] += du * value;
          out[i] = narrow(du);
        }
      float constant[MAX_CHANNELS], slope[MAX_CHANNELS];
      float *dw = parts.data_ptr<float>() + n * 2 * s.channels, *db = dw + s.channels;
      const float count = static_cast<float>(s.pixels * s.width());
      for (int64_t g = 0; g < s.groups; ++g) {
        float one = 0, two = 0;
        for (int64_t c = g * s.width(); c < (g + 1) * s.width(); ++c) {
          dw[c] = r[g] * (times[c] - m[g] * plain[c]);
          db[c] = plain[c];
          one += w[c] * plain[c];
          two += w[c] * dw[c];
        }
        for (int64_t c = g * s.width(); c < (g + 1) * s.width(); ++c) {
          slope[c] = -r[g] * r[g] * two / count;
          constant[c] = -r[g] * one / count - m[g] * slope[c];
        }
      }
      for (int64_t p = 0; p < s.pixels; ++p)
        for (int64_t c = 0; c < s.channels; ++c) {
          const int64_t i = p * s.channels + c;
          out[i] = narrow(widen(out[i]) * scale[c] + constant[c] + widen(in[i]) * slope[c]);
        }
    }
  });
  auto sums = parts.sum(0);
  return {dx, sums[0], sums[1]};
}

PYBIND11_MODULE(TORCH_EXTENSION_NAME, module) {
  module.def("forward", &forward);
  module.def("backward", &backward);
}
