// Convolutions whose tiles stay in a core's cache from their inputs to their outputs, for metric/networks/compiled.py.
//
// All maps have their channels last, (N, H, W, C). The transforms of Winograd's filtering, INPUTS_6 and the like, are put
// before this file when it is compiled. Nothing is checked here.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <unistd.h>

#ifdef __AVX512F__
constexpr int LANES = 16, MOST_ROWS = 14;
#elif defined(__AVX__)
constexpr int LANES = 8, MOST_ROWS = 6;
#else
constexpr int LANES = 4, MOST_ROWS = 6;
#endif
constexpr int BLOCK = 2 * LANES;  // filters that are multiplied at a time
constexpr long MOST_TILES = 84;   // windows that are computed at a time
typedef float Vector __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

static inline Vector load(const float* at) { return *reinterpret_cast<const Vector*>(at); }
static inline void store(float* at, Vector value) { *reinterpret_cast<Vector*>(at) = value; }
static inline Vector larger(Vector a, Vector b) { return a < b ? b : a; }  // as torch's ReLU, NaN stays NaN

// Runs `Task(data, k)` for k < count on the threads of the OpenMP library that is already loaded.
using Parallel = void (*)(void (*)(void*), void*, unsigned, unsigned);
template <class Task> static void each(Parallel parallel, int threads, long count, Task task) {
    struct Shared { Task& task; std::atomic<long> next; long count; } shared{task, {0}, count};
    auto work = [](void* data) {
        auto& all = *static_cast<Shared*>(data);
        for (long k; (k = all.next++) < all.count;) all.task(k);
    };
    if (threads > 1 && count > 1) parallel(work, &shared, std::min<long>(threads, count), 0);
    else work(&shared);
}

// products[r, 0:BLOCK] = sum over k < parts, c < channels of left[k * part + r * step + c] * right[k * channels + c, 0:BLOCK],
// where some hundred products are added up by themselves: sums of few round less than a sum of many.
constexpr long MOST_ADDED = 128, AHEAD = 32;
struct Left { const float* at; long step, channels, parts, part; };
template <int ROWS> static void multiply_rows(const Left& left, const float* right, float* products) {
    const long together = std::max(1l, MOST_ADDED / left.channels);
    for (long begin = 0; begin < left.parts; begin += together) {
        Vector low[ROWS] = {}, high[ROWS] = {};
        for (long k = begin; k < std::min(left.parts, begin + together); k++)
            for (long c = 0; c < left.channels; c++, right += BLOCK) {
                const Vector first = load(right), second = load(right + LANES);
                __builtin_prefetch(right + AHEAD * BLOCK), __builtin_prefetch(right + AHEAD * BLOCK + LANES);
                const float* at = left.at + k * left.part + c;
#pragma GCC unroll 16
                for (int r = 0; r < ROWS; r++) low[r] += first * at[r * left.step], high[r] += second * at[r * left.step];
            }
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; r++) {
            float* to = products + r * BLOCK;
            store(to, begin ? load(to) + low[r] : low[r]);
            store(to + LANES, begin ? load(to + LANES) + high[r] : high[r]);
        }
    }
}

template <int ROWS = MOST_ROWS> static void multiply(int rows, const Left& left, const float* right, float* products) {
    if constexpr (ROWS > 0) {
        if (rows == ROWS) multiply_rows<ROWS>(left, right, products);
        else multiply<ROWS - 1>(rows, left, right, products);
    }
}

// out[i] = sum over j of matrix[i][j] * in[j]; zeros, which are known when this is compiled, cost nothing.
template <int OUT, int IN, const float (&MATRIX)[OUT][IN]> static inline void transform(const Vector* in, int stride, Vector* out) {
#pragma GCC unroll 8
    for (int i = 0; i < OUT; i++) {
        Vector sum{};
#pragma GCC unroll 8
        for (int j = 0; j < IN; j++) if (MATRIX[i][j] != 0) sum += in[j * stride] * MATRIX[i][j];
        out[i] = sum;
    }
}

struct Shape { long images, height, width, channels, padding, filters, rows, columns; };

// Memory of this thread, which keeps it: fresh memory costs more than what is computed in it.
static float* own(long size) {
    struct Memory { float* at = nullptr; long size = 0; ~Memory() { std::free(at); } };
    static thread_local Memory memory;
    if (memory.size < size) {
        std::free(memory.at);
        memory.at = static_cast<float*>(std::aligned_alloc(64, (size + 15) / 16 * 64)), memory.size = size;
    }
    return memory.at;
}

// A square convolution of stride 1 by windows of N inputs and M outputs; `right` is (N * N, filters / BLOCK, channels, BLOCK).
template <int N, int M, const float (&INPUTS)[N][N], const float (&PRODUCTS)[M][N]> static void convolve_windows(
    const Shape& s, const float* maps, const float* right, const float* bias, bool rectify, float* out,
    Parallel parallel, int threads) {
    const long down = (s.rows + M - 1) / M, across = (s.columns + M - 1) / M, tiles = s.images * down * across;
    const long step = s.channels + 16;  // so that rows do not meet in the same places of the cache
    const long blocks = s.filters / BLOCK, chunks = s.channels % MOST_ADDED ? 1 : s.channels / MOST_ADDED;
    long parts = (tiles + MOST_TILES - 1) / MOST_TILES, shares = 1;
    if (parts < 4 * threads) shares = std::min<long>(threads, blocks);  // each then takes its part of the filters
    // So many blocks of filters at a time that their products stay in the cache: each place's inputs are read as seldom.
    const long cache = std::max(512l * 1024, sysconf(_SC_LEVEL2_CACHE_SIZE)) / 2;
    const long kept = N * N * (BLOCK * ((tiles + parts - 1) / parts) + 16), together = std::max(1l, cache / (kept * 4));
    each(parallel, threads, parts * shares, [&](long task) {
        const long part = task / shares, share = task % shares;
        const long begin = part * tiles / parts, count = (part + 1) * tiles / parts - begin;
        // From one place to the next it is an odd number of lines of the cache: no two meet in it.
        const long left_place = (count * step / 16 | 1) * 16, place_step = (count * BLOCK / 16 | 1) * 16;
        float* left = own(N * N * left_place + together * kept + s.channels);
        float* products = left + N * N * left_place;
        float* zeros = products + together * kept;
        std::fill(zeros, zeros + s.channels, 0.0f);
        auto place = [&](long tile, long& image, long& row, long& column) {
            image = tile / (down * across), row = tile / across % down * M, column = tile % across * M;
        };
        for (long t = 0; t < count; t++) {
            long image, row, column;
            place(begin + t, image, row, column);
            const float* from[N][N];
            for (int i = 0; i < N; i++) for (int j = 0; j < N; j++) {
                const long y = row - s.padding + i, x = column - s.padding + j;
                const bool inside = y >= 0 && y < s.height && x >= 0 && x < s.width;
                from[i][j] = inside ? maps + ((image * s.height + y) * s.width + x) * s.channels : zeros;
            }
            for (long c = 0; c < s.channels; c += LANES) {
                Vector window[N][N], half[N][N], whole[N];
                for (int j = 0; j < N; j++) {
                    for (int i = 0; i < N; i++) {
                        window[i][j] = load(from[i][j] + c);
                        if (j >= N - M) __builtin_prefetch(from[i][j] + c + M * s.channels);  // of the next window
                    }
                    transform<N, N, INPUTS>(&window[0][j], N, whole);
                    for (int i = 0; i < N; i++) half[i][j] = whole[i];
                }
                for (int i = 0; i < N; i++) {
                    transform<N, N, INPUTS>(half[i], 1, whole);
                    for (int j = 0; j < N; j++) store(left + (i * N + j) * left_place + t * step + c, whole[j]);
                }
            }
        }
        const long groups = (count + MOST_ROWS - 1) / MOST_ROWS, last = (share + 1) * blocks / shares;
        for (long block = share * blocks / shares; block < last; block += together) {
            const long several = std::min(together, last - block);
            for (int p = 0; p < N * N; p++) for (long b = 0; b < several; b++) for (long g = 0; g < groups; g++) {
                const long first = g * count / groups, rows = (g + 1) * count / groups - first;
                multiply(rows, {left + p * left_place + first * step, step, s.channels / chunks, chunks, s.channels / chunks},
                         right + (p * blocks + block + b) * s.channels * BLOCK,
                         products + b * kept + p * place_step + first * BLOCK);
            }
            for (long t = 0; t < count; t++) for (long d = 0; d < several * BLOCK; d += LANES) {
                long image, row, column;
                place(begin + t, image, row, column);
                const float* from = products + d / BLOCK * kept + t * BLOCK + d % BLOCK;
                Vector window[N], half[M][N], whole[M];
                for (int j = 0; j < N; j++) {
                    for (int i = 0; i < N; i++) window[i] = load(from + (i * N + j) * place_step);
                    transform<M, N, PRODUCTS>(window, 1, whole);
                    for (int i = 0; i < M; i++) half[i][j] = whole[i];
                }
                const Vector added = load(bias + block * BLOCK + d);
                float* to = out + ((image * s.rows + row) * s.columns + column) * s.filters + block * BLOCK + d;
                for (int i = 0; i < std::min<long>(M, s.rows - row); i++) {
                    transform<M, N, PRODUCTS>(half[i], 1, whole);
                    for (int j = 0; j < std::min<long>(M, s.columns - column); j++) {
                        const Vector sum = whole[j] + added;
                        store(to + (i * s.columns + j) * s.filters, rectify ? larger(sum, Vector{}) : sum);
                    }
                }
            }
        }
    });
}

extern "C" {

long filters_at_a_time() { return BLOCK; }

void winograd(const Shape* shape, long window, const float* maps, const float* filters, const float* bias, long rectify,
              float* out, Parallel parallel, long threads) {
    auto convolve = window == 4 ? convolve_windows<4, 2, INPUTS_4, PRODUCTS_4>
                  : window == 6 ? convolve_windows<6, 4, INPUTS_6, PRODUCTS_6> : convolve_windows<7, 3, INPUTS_7, PRODUCTS_7>;
    convolve(*shape, maps, filters, bias, rectify, out, parallel, threads);
}

// A convolution by rows of outputs, for few channels; filters are (filters / BLOCK, taps, taps * channels, BLOCK). `maps` and
// `out` begin where the first output's inputs and the first output are; `pitch` and `image` are floats from one row, or image,
// to the next, of maps and of outputs.
void direct(const Shape* shape, long taps, long stride, const long* pitch, const long* image, const float* maps,
            const float* filters, const float* bias, long rectify, float* out, Parallel parallel, long threads) {
    const Shape s = *shape;
    const long blocks = s.filters / BLOCK, groups = (s.columns + MOST_ROWS - 1) / MOST_ROWS;
    each(parallel, threads, s.images * s.rows, [&](long task) {
        const long n = task / s.rows, y = task % s.rows;
        const float* from = maps + n * image[0] + y * stride * pitch[0];
        for (long block = 0; block < blocks; block++) for (long g = 0; g < groups; g++) {
            float products[MOST_ROWS * BLOCK];
            const long first = g * s.columns / groups, count = (g + 1) * s.columns / groups - first, step = stride * s.channels;
            multiply(count, {from + first * step, step, taps * s.channels, taps, pitch[0]},
                     filters + block * taps * taps * s.channels * BLOCK, products);
            for (long x = 0; x < count; x++) for (int d = 0; d < BLOCK; d += LANES) {
                const Vector sum = load(products + x * BLOCK + d) + load(bias + block * BLOCK + d);
                store(out + n * image[1] + y * pitch[1] + (first + x) * s.filters + block * BLOCK + d,
                      rectify ? larger(sum, Vector{}) : sum);
            }
        }
    });
}

// Maxima of `window` x `window` values, one at each, then a separable blur of `taps` weights with stride 2 over what is
// reflected at the borders; `padding` positions are reflected before the first.
void pool_and_blur(const Shape* shape, long window, long taps, const float* weights, const float* maps, float* out,
                   Parallel parallel, long threads) {
    const Shape s = *shape;
    const long height = s.height - window + 1, width = s.width - window + 1;
    auto source = [&](long at, int k, long size) {
        const long place = std::abs(2 * at - s.padding + k);
        return place < size ? place : 2 * size - 2 - place;
    };
    each(parallel, threads, s.images * s.rows, [&](long task) {
        const long n = task / s.rows, y = task % s.rows;
        Vector* blurred = reinterpret_cast<Vector*>(own(width * LANES));
        for (long c = 0; c < s.channels; c += LANES) {
            std::fill(blurred, blurred + width, Vector{});
            for (int k = 0; k < taps; k++) {
                const float* from = maps + (n * s.height + source(y, k, height)) * s.width * s.channels + c;
                Vector most[8];
                for (long x = 0; x < s.width; x++) {
                    Vector column = load(from + x * s.channels);
                    for (int i = 1; i < window; i++) column = larger(column, load(from + (i * s.width + x) * s.channels));
                    most[x & 7] = column;
                    const long at = x - window + 1;
                    if (at < 0) continue;
                    for (int i = 1; i < window; i++) column = larger(column, most[(x - i) & 7]);
                    blurred[at] += column * weights[k];
                }
            }
            for (long x = 0; x < s.columns; x++) {
                Vector sum{};
                for (int k = 0; k < taps; k++) sum += blurred[source(x, k, width)] * weights[k];
                store(out + ((n * s.rows + y) * s.columns + x) * s.channels + c, sum);
            }
        }
    });
}

// Each position's channels over their length, in place.
void scale_to_unit(long positions, long channels, float* maps, float tiny, Parallel parallel, long threads) {
    const long parts = (positions + 255) / 256;
    each(parallel, threads, parts, [&](long part) {
        for (long p = part * 256; p < std::min(positions, part * 256 + 256); p++) {
            float* at = maps + p * channels;
            Vector sum{};
            for (long c = 0; c < channels; c += LANES) sum += load(at + c) * load(at + c);
            float length = 0;
            for (int i = 0; i < LANES; i++) length += sum[i];
            length = std::sqrt(length) + tiny;
            for (long c = 0; c < channels; c += LANES) store(at + c, load(at + c) / length);
        }
    });
}

// Sums of weighed squared differences of an image and its reference (`apart` is 0 where all have one), (images, parts).
void differ(long images, long positions, long channels, long parts, long apart, const float* references, const float* maps,
            const float* weights, double* sums, Parallel parallel, long threads) {
    each(parallel, threads, images * parts, [&](long task) {
        const long n = task / parts, part = task % parts;
        double total = 0;
        for (long p = part * positions / parts; p < (part + 1) * positions / parts; p++) {
            const float *one = references + n * apart + p * channels, *other = maps + (n * positions + p) * channels;
            Vector sum{};
            for (long c = 0; c < channels; c += LANES) {
                const Vector difference = load(one + c) - load(other + c);
                sum += difference * difference * load(weights + c);
            }
            float position = 0;
            for (int i = 0; i < LANES; i++) position += sum[i];
            total += position;
        }
        sums[task] = total;
    });
}
}
