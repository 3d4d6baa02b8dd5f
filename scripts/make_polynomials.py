#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the coefficients of lib/kernel/vec.tmpl.h. Needs mpmath; run: scripts/make_polynomials.py

Each polynomial P is the minimax fit, by Remez exchange in 60 digits, of

    |w(x) (P(x) - f(x))|,   x in [a, b]

where w turns the error into the relative error of the finished function. The coefficients are rounded to floats one
after another, beginning with the constant; after each rounding the remaining ones are fitted again. The script prints
the error before and after the rounding, in units of 2^-24 (half an ulp of 1).
"""
from mpmath import (mp, mpf, matrix, lu_solve, exp, expm1, log, log1p, sin, cos, tanh, erf, erfc, sqrt, pi, linspace,
                    polyval, frexp, ldexp, nint)

mp.dps = 60


def to_float(x):
    """Nearest binary32 of a normal number."""
    if x == 0:
        return mpf(0)
    m, e = frexp(x)
    return ldexp(nint(ldexp(m, 24)), e - 24)


def hexadecimal(x):
    return float(x).hex().replace("0000000p", "p") + "f"


def worst_error(coefficients, f, w, points):
    return max(abs(w(x) * (polyval(coefficients[::-1], x) - f(x))) for x in points)


def fit(f, w, a, b, fixed, degree, known=None):
    """The best found of: `known`, and fixed coefficients + the rest up to `degree` by Remez exchange; its error."""
    first = len(fixed)
    count = degree + 1 - first
    n = count + 1
    place = lambda part: (a + b) / 2 - (b - a) / 2 * cos(pi * part)  # dense at the ends
    grid = [place(mpf(i) / 600) for i in range(601)]
    points = [place((i + mpf("0.45")) / n) for i in range(n)]
    weights, values = [w(x) for x in grid], [f(x) for x in grid]
    best, best_error = known, known and worst_error(known, f, w, grid)
    for _ in range(40):
        A, y = matrix(n, n), matrix(n, 1)
        for r, x in enumerate(points):
            for c in range(count):
                A[r, c] = x ** (first + c)
            A[r, count] = (-1) ** r / w(x)
            y[r] = f(x) - sum(c * x**i for i, c in enumerate(fixed))
        try:
            s = lu_solve(A, y)
        except ZeroDivisionError:  # a point where the fixed part alone counts
            break
        found = fixed + [s[c] for c in range(count)]
        error = [wt * (polyval(found[::-1], x) - v) for x, wt, v in zip(grid, weights, values)]
        worst = max(abs(e) for e in error)
        if best is None or worst < best_error:
            best, best_error = found, worst
        runs = []  # the extreme of every run of one sign
        for i, e in enumerate(error):
            if not runs or (error[runs[-1]] > 0) != (e > 0):
                runs.append(i)
            elif abs(e) > abs(error[runs[-1]]):
                runs[-1] = i
        while len(runs) > n:
            runs.pop(0 if abs(error[runs[0]]) < abs(error[runs[-1]]) else -1)
        if len(runs) < n or worst <= abs(s[count]) * mpf("1.0001"):
            break
        points = [grid[i] for i in runs]
    return best, best_error


def polynomial(name, text, f, w, a, b, degree):
    a, b = mpf(a), mpf(b)
    best, before = fit(f, w, a, b, [], degree)
    for i in range(degree + 1):
        fixed = best[:i] + [to_float(best[i])]
        best = fixed + best[i + 1:]
        if i < degree:
            best, _ = fit(f, w, a, b, fixed, degree, best)
    after = worst_error(best, f, w, linspace(a, b, 1001))
    print(f"/* {name}: {text}; error {float(before * 2**24):.3f}, rounded {float(after * 2**24):.3f} */")
    for i, c in enumerate(best):
        print(f"#define {name}{i} {hexadecimal(c)}")
    print()


def main():
    half = log(2) / 2 * (1 + mpf(2) ** -20)
    small = mpf(10) ** -12

    hi = mpf(int(log(2) * 2**15)) / 2**15
    print(f"#define LN2_HIGH {hexadecimal(hi)}\n#define LN2_LOW {hexadecimal(to_float(log(2) - hi))}")
    print(f"#define LOG2_E {hexadecimal(to_float(1 / log(2)))}\n")

    q = lambda r: (expm1(r) - r) / r**2 if abs(r) > small else mpf(1) / 2 + r / 6
    polynomial("EXP", "e^r = 1 + r + r^2 q(r), |r| <= ln 2 / 2", q,
               lambda r: r**2 / abs(expm1(r)) if abs(r) > small else abs(r), -half, half, 4)

    p = lambda f: (log1p(f) - f + f**2 / 2) / f**3 if abs(f) > small else mpf(1) / 3 - f / 4
    polynomial("LOG", "log(1 + f) = f - f^2 / 2 + f^3 p(f), 1 + f in [sqrt 1/2, sqrt 2]", p,
               lambda f: abs(f**3 / log1p(f)) if abs(f) > small else f**2, sqrt(mpf(1) / 2) - 1, sqrt(mpf(2)) - 1, 8)

    t = lambda z: (tanh(sqrt(z)) / sqrt(z) - 1) / z if z > small else -mpf(1) / 3 + 2 * z / 15
    polynomial("TANH", "tanh x = x + x^3 t(x^2), |x| <= 1/2", t, lambda z: z, 0, mpf(1) / 4, 3)

    quarter = (pi / 4) ** 2
    s = lambda z: (sin(sqrt(z)) / sqrt(z) - 1) / z if z > small else -mpf(1) / 6 + z / 120
    polynomial("SIN", "sin t = t + t^3 s(t^2), |t| <= pi / 4", s, lambda z: z, 0, quarter, 2)
    c = lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2 if z > small else mpf(1) / 24 - z / 720
    polynomial("COS", "cos t = 1 - t^2 / 2 + t^4 c(t^2), |t| <= pi / 4", c, lambda z: z**2, 0, quarter, 2)

    density, border = 1 / sqrt(2 * pi), mpf(83/64)
    print(f"#define DENSITY_HIGH {hexadecimal(to_float(density))}")
    print(f"#define DENSITY_LOW {hexadecimal(to_float(density - to_float(density)))}")
    slope = lambda z: erf(sqrt(z / 2)) / (2 * sqrt(z))
    p = lambda z: (slope(z) - density) / z if z > small else -density / 6
    polynomial("PHI", "Phi(-t) = 1/2 - t (density + t^2 p(t^2)), 0 <= t <= 83/64", p,
               lambda z: z * sqrt(z) / (0.5 - sqrt(z) * slope(z)) if z > small else z, 0, border**2, 5)
    tail = lambda t: t * exp(t**2 / 2) * erfc(t / sqrt(mpf(2))) / 2
    m = lambda v: tail(1 / (v + mpf(25) / 64))
    polynomial("TAIL", "t Phi(-t) = e^(-t^2 / 2) m(1 / t - 25/64), 83/64 <= t <= 14.5", m, lambda v: 1 / m(v),
               1 / mpf("14.5") - mpf(25) / 64, 1 / border - mpf(25) / 64, 12)


if __name__ == "__main__":
    main()
