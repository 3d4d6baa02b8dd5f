/* SPDX-License-Identifier: MIT
 * number.c - converts between decimal text and binary floating point, independent of the locale and of the rounding mode.
 *
 *   Both directions hold the value as a fraction num / den of big integers, so nothing is rounded before the end:
 *
 *     read    D 10^e  ->  num / den = 1.xxx 2^E  ->  53 bits by long division in base 2, the remainder rounds
 *     print   m 2^e   ->  num / den = d.ddd 10^k ->  digits by long division in base 10: the fewest, 1 to 9, that
 *                                                    read back as the same float (9 digits always do: 10^8 > 2^24)
 *
 *   Rounding is to nearest, ties to even (IEEE 754). Of the digits past the 800th only one fact matters, whether one of
 *   them is not 0, because a midpoint between two doubles has at most 767 digits. A number takes some microseconds, which
 *   is fast enough for the texts of options but not for data.
 *
 *   Clinger 1990, "How to Read Floating Point Numbers Accurately"; Steele, White 1990, "How to Print Floating-Point
 *   Numbers Accurately". */
#include "base/base.h"

#define DIGITS_MAX   800                  /* digits kept when a number is read */
#define LIMBS        136                  /* 4352 bits; the largest number is 10^(800 + 330) times 2^64, of 3818 bits */
#define EXPONENT_MAX INT64_C(10000000000) /* larger exponents are read as this one, for which no number of digits can compensate */
#define PRINT_DIGITS 9

typedef struct big {
    size_t n; /* limbs in use; the last one is not 0 */
    uint32_t limb[LIMBS];
} big;

static void big_set(big *x, uint32_t value) {
    x->n = value != 0;
    x->limb[0] = value;
}

/* Compute x = x * factor + term. */
static void big_mul_add(big *x, uint32_t factor, uint32_t term) {
    uint64_t carry = term;
    for (size_t i = 0; i < x->n; i++) {
        carry += (uint64_t)x->limb[i] * factor;
        x->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry) x->limb[x->n++] = (uint32_t)carry;
}

static void big_mul_power10(big *x, int64_t power) {
    for (; power >= 9; power -= 9) big_mul_add(x, 1000000000, 0);
    for (; power > 0; power--) big_mul_add(x, 10, 0);
}

static void big_shift_left(big *x, int64_t bits) {
    const size_t whole = (size_t)bits / 32;
    if (x->n == 0) return;
    memmove(x->limb + whole, x->limb, x->n * sizeof x->limb[0]);
    memset(x->limb, 0, whole * sizeof x->limb[0]);
    x->n += whole;
    if (bits % 32) big_mul_add(x, 1u << (bits % 32), 0);
}

static int64_t big_bits(const big *x) {
    int64_t bits = x->n ? (int64_t)(32 * x->n) : 0;
    for (uint32_t top = x->n ? x->limb[x->n - 1] : 1u << 31; !(top >> 31); top <<= 1) bits--;
    return bits;
}

static int big_compare(const big *a, const big *b) {
    if (a->n != b->n) return a->n < b->n ? -1 : 1;
    for (size_t i = a->n; i-- > 0;) {
        if (a->limb[i] != b->limb[i]) return a->limb[i] < b->limb[i] ? -1 : 1;
    }
    return 0;
}

/* Compute a -= b, for a >= b. */
static void big_subtract(big *a, const big *b) {
    uint64_t borrow = 0;
    for (size_t i = 0; i < a->n; i++) {
        const uint64_t take = (i < b->n ? b->limb[i] : 0) + borrow;
        borrow = a->limb[i] < take;
        a->limb[i] = (uint32_t)(a->limb[i] - take);
    }
    while (a->n && a->limb[a->n - 1] == 0) a->n--;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

typedef struct decimal {
    big digits; /* the value is digits * 10^exponent */
    int64_t exponent;
    int64_t n; /* digits kept, without leading zeros */
    int negative;
} decimal;

static int is_digit(char c) {
    return c >= '0' && c <= '9';
}

static void add_digit(decimal *d, uint32_t digit, int after_point, int *lost) {
    if (d->n == DIGITS_MAX) {
        *lost |= digit != 0;
        d->exponent += !after_point;
        return;
    }
    if (d->n || digit) {
        big_mul_add(&d->digits, 10, digit);
        d->n++;
    }
    d->exponent -= after_point;
}

/* Read [-] digits [. digits] [e [+|-] digits] with a digit before or after the point, and no leading zeros but one. */
static int scan(decimal *d, const char *text, size_t length) {
    size_t i = 0, digits = 0;
    int point = 0, lost = 0;
    d->negative = length > 0 && text[0] == '-';
    if (d->negative) i++;
    if (length - i >= 2 && text[i] == '0' && is_digit(text[i + 1])) return 0;
    for (; i < length; i++) {
        if (text[i] == '.' && !point) {
            point = 1;
        } else if (is_digit(text[i])) {
            add_digit(d, (uint32_t)(text[i] - '0'), point, &lost);
            digits++;
        } else {
            break;
        }
    }
    if (digits == 0) return 0;
    if (lost) { /* a digit 1 replaces all digits that were left out */
        big_mul_add(&d->digits, 10, 1);
        d->exponent--;
        d->n++;
    }
    if (i == length) return 1;
    if (text[i] != 'e' && text[i] != 'E') return 0;
    i++;
    int64_t exponent = 0;
    const int minus = i < length && text[i] == '-';
    if (i < length && (text[i] == '-' || text[i] == '+')) i++;
    if (i == length) return 0;
    for (; i < length; i++) {
        if (!is_digit(text[i])) return 0;
        if (exponent < EXPONENT_MAX) exponent = 10 * exponent + (text[i] - '0');
    }
    d->exponent += minus ? -exponent : exponent;
    return 1;
}

/* Return the IEEE bits of num / den = 1.xxx 2^E, rounded. On overflow they are those of infinity or larger. */
static uint64_t round_to_double(big *num, big *den, int64_t exponent) {
    const int64_t places = exponent >= -1022 ? 53 : 53 - (-1022 - exponent); /* a subnormal number has fewer */
    uint64_t mantissa = 0;
    if (places < 0) return 0;
    for (int64_t i = 0; i < places; i++) {
        mantissa <<= 1;
        if (big_compare(num, den) >= 0) {
            big_subtract(num, den);
            mantissa |= 1;
        }
        big_shift_left(num, 1);
    }
    const int rest = big_compare(num, den); /* compares the remainder with one half of the last place */
    if (rest > 0 || (rest == 0 && (mantissa & 1))) mantissa++;
    /* The leading bit of a normal mantissa, and a carry out of the rounding, increment the exponent by the addition itself. */
    return (exponent >= -1022 ? (uint64_t)(exponent + 1022) << 52 : 0) + mantissa;
}

int vaei_text_to_double(const char *text, size_t length, double *out) {
    const uint64_t infinity = (uint64_t)0x7FF << 52;
    uint64_t bits = 0;
    decimal d;
    big den;
    memset(&d, 0, sizeof d);
    if (length > INT32_MAX || !scan(&d, text, length)) return 0;
    big *const num = &d.digits;
    const int64_t magnitude = d.n + d.exponent; /* value < 10^magnitude */
    if (num->n && magnitude > 310) return 0;
    if (num->n && magnitude > -330) {
        big_set(&den, 1);
        if (d.exponent >= 0) big_mul_power10(num, d.exponent);
        else big_mul_power10(&den, -d.exponent);
        int64_t exponent = big_bits(num) - big_bits(&den);
        if (exponent >= 0) big_shift_left(&den, exponent);
        else big_shift_left(num, -exponent);
        if (big_compare(num, &den) < 0) {
            big_shift_left(num, 1);
            exponent--;
        }
        if (exponent > 1023) return 0;
        bits = round_to_double(num, &den, exponent);
        if (bits >= infinity) return 0;
    }
    bits |= (uint64_t)d.negative << 63;
    memcpy(out, &bits, sizeof bits);
    return 1;
}

/* ---- printing --------------------------------------------------------------------------------------------------- */

/* Write PRINT_DIGITS + 1 leading digits of |value| and whether more follow. Return the power of ten of the first digit. */
static int64_t leading_digits(uint32_t float_bits, char digit[PRINT_DIGITS + 1], int *more) {
    const uint32_t field = float_bits >> 23 & 0xFF, fraction = float_bits & 0x7FFFFF;
    const int64_t exponent = (field ? (int64_t)field : 1) - 150;
    int64_t power = 0;
    big num, den;
    big_set(&num, field ? fraction | 1u << 23 : fraction);
    big_set(&den, 1);
    if (exponent >= 0) big_shift_left(&num, exponent);
    else big_shift_left(&den, -exponent);
    for (; big_compare(&num, &den) < 0; power--) big_mul_add(&num, 10, 0);
    for (;; power++) {
        big tenfold = den;
        big_mul_add(&tenfold, 10, 0);
        if (big_compare(&num, &tenfold) < 0) break;
        den = tenfold;
    }
    for (int32_t i = 0; i <= PRINT_DIGITS; i++) {
        digit[i] = 0;
        while (big_compare(&num, &den) >= 0) {
            big_subtract(&num, &den);
            digit[i]++;
        }
        big_mul_add(&num, 10, 0);
    }
    *more = num.n != 0;
    return power;
}

/* Round to `n` digits, to nearest and ties to even, and drop the zeros at the end. Return how many digits remain. A carry out of the
 * first digit increments *power. */
static size_t round_digits(const char digit[PRINT_DIGITS + 1], int more, size_t n, char out[PRINT_DIGITS], int64_t *power) {
    int above = digit[n] > 5, tie = digit[n] == 5 && !more;
    memcpy(out, digit, n);
    for (size_t i = n + 1; i <= PRINT_DIGITS && tie; i++) tie = digit[i] == 0;
    if (digit[n] == 5 && !tie) above = 1;
    if (above || (tie && (out[n - 1] & 1))) {
        size_t i = n;
        while (i > 0 && out[i - 1] == 9) i--;
        if (i == 0) { /* 9.99 becomes 10 */
            out[0] = 1;
            ++*power;
            return 1;
        }
        out[i - 1]++;
        n = i;
    }
    while (n > 1 && out[n - 1] == 0) n--;
    return n;
}

/* Write d.ddd 10^power as "0.00123", "12300", "1.5e-5" or "3.5e20"; at most 18 bytes. */
static size_t lay_out(char *buf, const char *digit, size_t n, int64_t power) {
    char *p = buf;
    const int64_t count = (int64_t)n;
    if (power < 0 && power >= -4) {
        *p++ = '0';
        *p++ = '.';
        for (int64_t i = -1; i > power; i--) *p++ = '0';
        for (int64_t i = 0; i < count; i++) *p++ = (char)('0' + digit[i]);
    } else if (power >= 0 && (power <= 6 || power < count)) {
        for (int64_t i = 0; i < count || i <= power; i++) {
            if (i == power + 1) *p++ = '.';
            *p++ = i < count ? (char)('0' + digit[i]) : '0';
        }
    } else {
        const int64_t size = power < 0 ? -power : power;
        for (int64_t i = 0; i < count; i++) {
            if (i == 1) *p++ = '.';
            *p++ = (char)('0' + digit[i]);
        }
        *p++ = 'e';
        if (power < 0) *p++ = '-';
        if (size >= 10) *p++ = (char)('0' + size / 10);
        *p++ = (char)('0' + size % 10);
    }
    return (size_t)(p - buf);
}

/* Whether the text reads back as the float with these bits, apart from the sign. */
static int reads_back(const char *text, size_t length, uint32_t bits) {
    double value;
    uint32_t again;
    if (!vaei_text_to_double(text, length, &value)) return 0;
    const float narrow = (float)value;
    memcpy(&again, &narrow, sizeof again);
    return again == bits;
}

size_t vaei_text_float(char *buf, size_t cap, double value) {
    const float narrow = (float)value;
    char text[32], digit[PRINT_DIGITS + 1], rounded[PRINT_DIGITS];
    uint32_t bits;
    size_t length = 0, body = 0;
    int more;
    memcpy(&bits, &narrow, sizeof bits);
    const uint32_t magnitude = bits & 0x7FFFFFFF;
    if (bits != magnitude && magnitude <= 0x7F800000) text[length++] = '-';
    if (magnitude >= 0x7F800000) {
        memcpy(text + length, magnitude == 0x7F800000 ? "inf" : "nan", 3);
        body = 3;
    } else if (magnitude == 0) {
        text[length] = '0';
        body = 1;
    } else {
        const int64_t first = leading_digits(magnitude, digit, &more);
        for (size_t n = 1; n <= PRINT_DIGITS; n++) {
            int64_t power = first;
            const size_t kept = round_digits(digit, more, n, rounded, &power);
            body = lay_out(text + length, rounded, kept, power);
            if (reads_back(text + length, body, magnitude)) break;
        }
    }
    length += body;
    if (cap) {
        const size_t shown = length < cap ? length : cap - 1;
        memcpy(buf, text, shown);
        buf[shown] = '\0';
    }
    return length;
}
