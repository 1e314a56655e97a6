//! Matrix products on checked views: the one place that calls `gemm`, whose interface is raw pointers.
//!
//! **Invariant:** every pointer handed to `gemm` comes from a view whose corners lie inside its slice.

use gemm::Parallelism;

/// A matrix inside a slice, read only.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> View<'a> {
    /// Rows of `columns` numbers, the starts of two rows `stride` apart.
    ///
    /// # Panics
    /// When the last number would lie outside `data`.
    pub fn new(data: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        assert!(fits(data.len(), rows, columns, stride), "a view of {rows} x {columns} leaves its slice");
        Self { data, rows, columns, row_stride: stride, column_stride: 1 }
    }

    /// The same matrix, rows and columns exchanged.
    pub fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// A matrix inside a slice, to be written; its rows do not overlap.
#[derive(Debug)]
pub struct ViewMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    columns: usize,
    stride: usize,
}

impl<'a> ViewMut<'a> {
    /// As [`View::new`].
    ///
    /// # Panics
    /// When the last number would lie outside `data`, or rows would overlap.
    pub fn new(data: &'a mut [f32], rows: usize, columns: usize, stride: usize) -> Self {
        assert!(fits(data.len(), rows, columns, stride), "a view of {rows} x {columns} leaves its slice");
        assert!(stride >= columns || rows <= 1, "the rows of a written view overlap");
        Self { data, rows, columns, stride }
    }
}

fn fits(len: usize, rows: usize, columns: usize, stride: usize) -> bool {
    let last = |rows: usize| rows.checked_mul(stride).and_then(|start| start.checked_add(columns));
    rows == 0 || columns == 0 || last(rows - 1).is_some_and(|end| end <= len)
}

/// What is done with what the destination held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Into {
    /// The product replaces it.
    Replace,
    /// The product is added to it.
    Add,
}

/// `to = left * right`, or `to += left * right`.
///
/// With `Parallelism::Rayon` the threads are those of the rayon pool that it is called in.
///
/// # Panics
/// When the shapes do not match.
pub fn product(to: &mut ViewMut<'_>, into: Into, left: View<'_>, right: View<'_>, parallelism: Parallelism) {
    let (rows, columns, depth) = (to.rows, to.columns, left.columns);
    assert_eq!((left.rows, right.columns, right.rows), (rows, columns, depth), "the shapes of a product differ");
    if rows == 0 || columns == 0 {
        return;
    }
    #[expect(unsafe_code, reason = "gemm takes raw pointers")]
    // SAFETY: `View::new` and `ViewMut::new` checked that the last number of each matrix lies inside its slice, all
    // strides are positive, the shapes agree (above), rows of the destination do not overlap, and `to` is borrowed
    // mutably, so that it aliases neither operand.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            depth,
            to.data.as_mut_ptr(),
            1,
            to.stride as isize,
            into == Into::Add,
            left.data.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.data.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_of_strided_views_is_the_sum_over_the_depth() {
        let left: Vec<f32> = (0..40).map(|n| n as f32 * 0.5 - 3.0).collect();
        let right: Vec<f32> = (0..40).map(|n| 2.0 - n as f32 * 0.25).collect();
        let (a, b) = (View::new(&left[1..], 4, 3, 10), View::new(&right[2..], 5, 3, 7).transposed());
        let mut to = vec![1.0f32; 4 * 6];
        product(&mut ViewMut::new(&mut to, 4, 5, 6), Into::Add, a, b, Parallelism::None);
        for row in 0..4 {
            for column in 0..5 {
                let want: f32 = (0..3).map(|k| left[1 + row * 10 + k] * right[2 + column * 7 + k]).sum::<f32>() + 1.0;
                assert!((to[row * 6 + column] - want).abs() < 1e-4);
            }
            assert_eq!(to[row * 6 + 5], 1.0, "what lies between the rows is left alone");
        }
    }

    #[test]
    #[should_panic(expected = "leaves its slice")]
    fn a_view_never_leaves_its_slice() {
        View::new(&[0.0; 11], 3, 4, 4);
    }

    #[test]
    #[should_panic(expected = "overlap")]
    fn the_rows_of_a_written_view_do_not_overlap() {
        ViewMut::new(&mut [0.0; 12], 3, 4, 3);
    }
}
