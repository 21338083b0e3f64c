//! A value of this thread for a while.

use std::cell::Cell;
use std::thread::LocalKey;

/// Sets a thread-local value until it is dropped, by a panic too.
pub(crate) struct Scoped<T: Copy + 'static>(&'static LocalKey<Cell<T>>, T);

impl<T: Copy> Scoped<T> {
    #[inline]
    pub(crate) fn set(key: &'static LocalKey<Cell<T>>, value: T) -> Self {
        Scoped(key, replace(key, value))
    }
}

impl<T: Copy> Drop for Scoped<T> {
    #[inline]
    fn drop(&mut self) {
        replace(self.0, self.1);
    }
}

/// By `try_with`, which is inlined everywhere; [`LocalKey::replace`] is where it lands in the same unit of the compiler, and
/// makes small operations a tenth slower where it does not.
#[inline]
fn replace<T: Copy>(key: &'static LocalKey<Cell<T>>, value: T) -> T {
    key.try_with(|cell| cell.replace(value)).unwrap_or(value)
}
