// One training step of a network in-hidden-out with a sigmoid between, mean squared error and SGD, as one writes it in C: row-major arrays, the innermost loops along what lies side by side.
#include <math.h>
#include <string.h>

#define STEP(name, real, exponential)                                                                                                                       \
    real name(int n, int in, int hidden, int out, real **arrays, real rate, int times)                                                                      \
    {                                                                                                                                                       \
        const real *restrict x = arrays[0], *restrict target = arrays[1];                                                                                   \
        real *restrict w1 = arrays[2], *restrict b1 = arrays[3], *restrict w2 = arrays[4], *restrict b2 = arrays[5], *restrict h = arrays[6];               \
        real *restrict y = arrays[7], *restrict dh = arrays[8], *restrict dw1 = arrays[9], *restrict db1 = arrays[10];                                      \
        real *restrict dw2 = arrays[11], *restrict db2 = arrays[12];                                                                                        \
        real loss = 0;                                                                                                                                      \
        for (; times > 0; times--) {                                                                                                                        \
            /* w1 is in x hidden and w2 hidden x out, so that outputs lie side by side */                                                                 \
            for (int i = 0; i < n; i++) {                                                                                                                   \
                real *hi = h + i * hidden, *yi = y + i * out;                                                                                               \
                memcpy(hi, b1, hidden * sizeof(real));                                                                                                      \
                for (int p = 0; p < in; p++)                                                                                                                \
                    for (int j = 0; j < hidden; j++) hi[j] += x[i * in + p] * w1[p * hidden + j];                                                           \
                for (int j = 0; j < hidden; j++) hi[j] = 1 / (1 + exponential(-hi[j]));                                                                     \
                memcpy(yi, b2, out * sizeof(real));                                                                                                         \
                for (int p = 0; p < hidden; p++)                                                                                                            \
                    for (int j = 0; j < out; j++) yi[j] += hi[p] * w2[p * out + j];                                                                         \
            }                                                                                                                                               \
            loss = 0;                                                                                                                                       \
            for (int i = 0; i < n * out; i++) {                                                                                                             \
                real difference = y[i] - target[i];                                                                                                         \
                loss += difference * difference;                                                                                                            \
                y[i] = 2 * difference / (n * out);                                                                                                          \
            }                                                                                                                                               \
            loss /= n * out;                                                                                                                                \
            memset(dw1, 0, in * hidden * sizeof(real));                                                                                                     \
            memset(db1, 0, hidden * sizeof(real));                                                                                                          \
            memset(dw2, 0, hidden * out * sizeof(real));                                                                                                    \
            memset(db2, 0, out * sizeof(real));                                                                                                             \
            for (int i = 0; i < n; i++) {                                                                                                                   \
                real *hi = h + i * hidden, *dy = y + i * out;                                                                                               \
                for (int j = 0; j < out; j++) db2[j] += dy[j];                                                                                              \
                for (int p = 0; p < hidden; p++) {                                                                                                          \
                    real sum = 0;                                                                                                                           \
                    for (int j = 0; j < out; j++) {                                                                                                         \
                        sum += dy[j] * w2[p * out + j];                                                                                                     \
                        dw2[p * out + j] += hi[p] * dy[j];                                                                                                  \
                    }                                                                                                                                       \
                    dh[p] = sum * hi[p] * (1 - hi[p]);                                                                                                      \
                    db1[p] += dh[p];                                                                                                                        \
                }                                                                                                                                           \
                for (int p = 0; p < in; p++)                                                                                                                \
                    for (int j = 0; j < hidden; j++) dw1[p * hidden + j] += x[i * in + p] * dh[j];                                                          \
            }                                                                                                                                               \
            for (int i = 0; i < in * hidden; i++) w1[i] -= rate * dw1[i];                                                                                   \
            for (int i = 0; i < hidden; i++) b1[i] -= rate * db1[i];                                                                                        \
            for (int i = 0; i < hidden * out; i++) w2[i] -= rate * dw2[i];                                                                                  \
            for (int i = 0; i < out; i++) b2[i] -= rate * db2[i];                                                                                           \
        }                                                                                                                                                   \
        return loss;                                                                                                                                        \
    }

STEP(step_float, float, expf)
STEP(step_double, double, exp)
