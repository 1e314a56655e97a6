//! The element-wise half of the forward pass, as loops that the compiler turns into vector code.
//!
//! **Invariant:** no call into libm inside a loop: `exp` and `erf` are polynomials, their errors held by tests.

/// Running sums at a time: wide enough for any vector unit, and the reason that a sum may be vectorised at all.
const LANES: usize = 16;

/// `e^x` for `x <= 0`, to about 1e-7 relative; below -87 it is `e^-87`, about 1e-38.
///
/// Cephes' `expf`: `x = n ln 2 + r`, a polynomial in `r`, and `n` added to the exponent.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// 1.5 * 2^23: a sum with it rounds to a whole number, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.max(-87.0);
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(2.121_944_4e-4, n.mul_add(-0.693_359_4, x));
    let p = 1.987_569_1e-4f32;
    let p = p.mul_add(r, 1.398_199_9e-3);
    let p = p.mul_add(r, 8.333_452e-3);
    let p = p.mul_add(r, 4.166_579_6e-2);
    let p = p.mul_add(r, 1.666_666_5e-1);
    let p = p.mul_add(r, 0.5);
    let p = (p * r).mul_add(r, r) + 1.0;
    f32::from_bits(p.to_bits().wrapping_add(shifted.to_bits() << 23))
}

/// The error function to about 5e-7 absolute: the odd rational of Eigen, exact past 4 in `f32`.
#[inline(always)]
fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let square = x * x;
    let p = -2.726_142_3e-10f32;
    let p = p.mul_add(square, 2.770_681_4e-8);
    let p = p.mul_add(square, -2.101_024e-6);
    let p = p.mul_add(square, -5.692_506_4e-5);
    let p = p.mul_add(square, -7.349_906_3e-4);
    let p = p.mul_add(square, -2.954_6e-3);
    let p = p.mul_add(square, -1.609_603_3e-2);
    let q = -1.456_607_2e-5f32;
    let q = q.mul_add(square, -2.133_740_6e-4);
    let q = q.mul_add(square, -1.682_827e-3);
    let q = q.mul_add(square, -7.373_329e-3);
    let q = q.mul_add(square, -1.426_473_9e-2);
    x * p / q
}

/// BERT's activation in place: `x / 2 (1 + erf(x / sqrt 2))`.
pub fn gelu(values: &mut [f32]) {
    for x in values {
        let half = 0.5 * *x;
        *x = half.mul_add(erf(*x * std::f32::consts::FRAC_1_SQRT_2), half);
    }
}

/// The sum.
fn sum(values: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

/// The sum of squares of what lies past `centre`.
fn sum_squares(values: &[f32], centre: f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            let past = value - centre;
            *lane = past.mul_add(past, *lane);
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|value| (value - centre) * (value - centre)).sum::<f32>()
}

fn max(values: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = if value > *lane { value } else { *lane };
        }
    }
    lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |most, &value| most.max(value))
}

/// Softmax of a row without its last step: `e^(x - max)` in place, and the sum that is still to be divided by.
pub fn exponentials(row: &mut [f32]) -> f32 {
    let most = max(row);
    for x in row.iter_mut() {
        *x = exp(*x - most);
    }
    sum(row)
}

/// Gain and bias of a layer normalisation.
#[derive(Debug, Clone)]
pub struct Norm {
    /// One factor per column.
    pub gain: Vec<f32>,
    /// One summand per column.
    pub bias: Vec<f32>,
    /// Added to the variance.
    pub epsilon: f32,
}

impl Norm {
    /// Normalises each row of `rows` in place.
    pub fn apply(&self, rows: &mut [f32]) {
        for row in rows.chunks_exact_mut(self.gain.len()) {
            let length = row.len() as f32;
            let mean = sum(row) / length;
            let scale = 1.0 / (sum_squares(row, mean) / length + self.epsilon).sqrt();
            for ((x, gain), bias) in row.iter_mut().zip(&self.gain).zip(&self.bias) {
                *x = ((*x - mean) * scale).mul_add(*gain, *bias);
            }
        }
    }

    /// Adds the residual and normalises: `rows = norm(rows + residual)`.
    pub fn apply_with(&self, rows: &mut [f32], residual: &[f32]) {
        let width = self.gain.len();
        for (row, residual) in rows.chunks_exact_mut(width).zip(residual.chunks_exact(width)) {
            add(row, residual);
            self.apply(row);
        }
    }
}

/// `to += from`.
pub fn add(to: &mut [f32], from: &[f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}

/// Multiplies in place.
pub fn scale(values: &mut [f32], factor: f32) {
    for value in values {
        *value *= factor;
    }
}

/// Brings a row to unit norm; a row of zeros stays one.
pub fn normalise(row: &mut [f32]) {
    let norm = sum_squares(row, 0.0).sqrt();
    if norm > 0.0 {
        scale(row, 1.0 / norm);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The error function from its Taylor series (near) or continued fraction (far), in `f64`.
    pub(crate) fn erf_exact(x: f64) -> f64 {
        let square = x * x;
        if x.abs() < 3.0 {
            let mut term = x;
            let mut total = x;
            for n in 1..120 {
                term *= -square / f64::from(n);
                total += term / f64::from(2 * n + 1);
            }
            return total * 2.0 / std::f64::consts::PI.sqrt();
        }
        let fraction = (1..80).rev().fold(x.abs(), |tail, n| x.abs() + f64::from(n) / 2.0 / tail);
        x.signum() * (1.0 - (-square).exp() / (std::f64::consts::PI.sqrt() * fraction))
    }

    fn points(from: f32, to: f32) -> impl Iterator<Item = f32> {
        (0..=200_000).map(move |n| from + (to - from) * n as f32 / 200_000.0)
    }

    #[test]
    fn exp_is_exact_to_a_few_units_in_the_last_place() {
        for x in points(-87.0, 0.0) {
            let want = f64::from(x).exp();
            assert!((f64::from(exp(x)) - want).abs() <= 3e-7 * want, "exp({x}) = {}", exp(x));
        }
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn erf_is_exact_to_one_in_a_million() {
        for x in points(-6.0, 6.0) {
            assert!((f64::from(erf(x)) - erf_exact(f64::from(x))).abs() <= 1e-6, "erf({x}) = {}", erf(x));
        }
    }

    #[test]
    fn gelu_follows_its_definition() {
        for x in points(-10.0, 10.0) {
            let want = f64::from(x) * 0.5 * (1.0 + erf_exact(f64::from(x) / std::f64::consts::SQRT_2));
            let mut got = [x];
            gelu(&mut got);
            assert!((f64::from(got[0]) - want).abs() <= 4e-6, "gelu({x}) = {}", got[0]);
        }
    }

    #[test]
    fn softmax_of_any_row_sums_to_one_and_survives_large_scores() {
        for length in [1, 2, 15, 16, 17, 100] {
            let mut row: Vec<f32> = (0..length).map(|n| 1e4 - 3.0 * n as f32).collect();
            let total = exponentials(&mut row);
            scale(&mut row, 1.0 / total);
            assert!((sum(&row) - 1.0).abs() < 1e-6);
            assert!(row.is_sorted_by(|a, b| a >= b));
        }
    }

    #[test]
    fn a_normalised_row_has_mean_zero_and_variance_one() {
        let norm = Norm { gain: vec![1.0; 37], bias: vec![0.0; 37], epsilon: 1e-12 };
        let mut rows: Vec<f32> = (0..74).map(|n| 100.0 + (n * n % 31) as f32).collect();
        let residual = vec![5.0; 74];
        norm.apply_with(&mut rows, &residual);
        for row in rows.chunks(37) {
            assert!(sum(row).abs() < 1e-4);
            assert!((sum_squares(row, 0.0) / 37.0 - 1.0).abs() < 1e-5);
        }
    }
}
