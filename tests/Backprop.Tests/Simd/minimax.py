#!/usr/bin/env python3
"""Coefficients of the polynomials in src/Backprop/Kernels/MathFunctions.Polynomials.cs (needs mpmath; nothing else needs this script).

Weighted Remez exchange: the polynomial p of the given degree with the least max |w(x) (f(x) - p(x))| on [a, b], then each
coefficient rounded to the type. The error printed is that of the rounded polynomial.
"""
import struct
from mpmath import mp, mpf, matrix, lu_solve, exp, log, erfc, sqrt, atanh, tanh, cos, pi

mp.prec = 200


def remez(f, w, a, b, degree, grid=600):
    n = degree + 1
    points = [(a + b) / 2 - (b - a) / 2 * cos(pi * (i + mpf(1) / 2) / grid) for i in range(grid)]
    fs, ws = [f(x) for x in points], [w(x) for x in points]
    index = [round(i * (grid - 1) / n) for i in range(n + 1)]
    for _ in range(50):
        m, v = matrix(n + 1, n + 1), matrix(n + 1, 1)
        for row, i in enumerate(index):
            for k in range(n):
                m[row, k] = points[i] ** k * ws[i]
            m[row, n] = (-1) ** row
            v[row] = fs[i] * ws[i]
        c = list(lu_solve(m, v))[:n]
        error = [ws[i] * (fs[i] - value(c, points[i])) for i in range(grid)]
        peaks = []  # the worst point of each run of one sign
        for i in range(grid):
            if peaks and (error[i] > 0) == (error[peaks[-1]] > 0):
                if abs(error[i]) > abs(error[peaks[-1]]):
                    peaks[-1] = i
            else:
                peaks.append(i)
        while len(peaks) > n + 1:
            peaks.pop(0 if abs(error[peaks[0]]) < abs(error[peaks[-1]]) else -1)
        if len(peaks) < n + 1 or peaks == index:
            break
        index = peaks
    return c


def value(c, x):
    p = mpf(0)
    for k in reversed(c):
        p = p * x + k
    return p


def single(x):
    """The shortest decimal that is the float nearest to x."""
    bits = struct.pack('f', float(x))
    return next(s for s in ('%.*g' % (d, struct.unpack('f', bits)[0]) for d in range(1, 18)) if struct.pack('f', float(s)) == bits)


def fit(name, f, w, a, b, degrees, split=False):
    for type_name, degree, show in (('float', degrees[0], single), ('double', degrees[1], lambda x: repr(float(x)))):
        exact = remez(f, w, mpf(a[type_name]), mpf(b[type_name]), degree)
        c = [show(x) for x in exact]
        rounded = [mpf(struct.unpack('f', struct.pack('f', float(x)))[0] if type_name == 'float' else float(x)) for x in c]
        if split:  # the first coefficient as high + low
            c[0] += ' + ' + show(exact[0] - rounded[0])
            rounded[0] = exact[0]
        lo, hi = mpf(a[type_name]), mpf(b[type_name])
        points = [lo + (hi - lo) * (i + mpf(1) / 2) / 2000 for i in range(2000)]
        worst = max(abs(w(x) * (f(x) - value(rounded, x))) for x in points)
        print(f'{name}, {type_name}: relative error 2^{mp.nstr(log(worst, 2), 4)}')
        for k, x in enumerate(c):
            print(f'  x^{k:<2} {x}')


def both(x):
    return {'float': x, 'double': x}


if __name__ == '__main__':
    half = log(2) / 2 * (1 + mpf(2) ** -8)
    # e^r = 1 + r + r^2 P(r)
    fit('exp', lambda r: (exp(r) - 1 - r) / r ** 2, lambda r: r * r / exp(r), both(-half), both(half), (4, 9))
    # log(1 + f) = 2 atanh(s) = 2 s + s z R(z) with s = f / (2 + f), z = s^2
    def r_of_z(z):
        return (2 * atanh(sqrt(z)) / sqrt(z) - 2) / z
    fit('log, f from sqrt(1/2) - 1 to sqrt(2) - 1', r_of_z, lambda z: z / 2, both(0), both((3 - sqrt(mpf(8))) ** 2 * (1 + mpf(2) ** -8)), (3, 6))
    fit('log, f from 0 to 1', r_of_z, lambda z: z / 2, both(0), both(mpf(1) / 9), (5, 9))
    # tanh(x) = x + x z P(z) with z = x^2
    fit('tanh', lambda z: (tanh(sqrt(z)) / sqrt(z) - 1) / z, lambda z: z * sqrt(z) / tanh(sqrt(z)), both(0), both(mpf('0.55') ** 2), (4, 10))
    # erf(x) = 1 - e^(-x R(x)); the error of erf relative to that of R is y / (e^y - 1), y = x R(x)
    def r_of_x(x):
        return -log(erfc(x)) / x
    def damping(x):
        y = x * r_of_x(x)
        return y / (exp(y) - 1) / r_of_x(x)
    fit('erf', r_of_x, damping, both(0), {'float': 4, 'double': 6}, (8, 24), split=True)
