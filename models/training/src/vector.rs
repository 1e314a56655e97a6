//! The product of rows, which everything dense here comes down to.

/// Numbers that are multiplied side by side: two rows of AVX2, four of NEON.
const LANES: usize = 16;

/// Product of two rows; 0 where one is empty.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (wide, rest) = a.as_chunks::<LANES>();
    let (by, tail) = b.as_chunks::<LANES>();
    for (a, b) in wide.iter().zip(by) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().zip(tail).map(|(a, b)| a * b).sum::<f32>()
}
