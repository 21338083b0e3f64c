//! The font of the pictures.

use plotters::style::{FontStyle, register_font};
use std::sync::Once;

/// What the pictures call it.
pub(crate) const FAMILY: &str = "sans-serif";

/// Lets plotters measure texts, and draw them where a picture is not SVG.
pub(crate) fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // It says nothing of what is wrong with a font; drawing does.
        let _ = register_font(FAMILY, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT);
    });
}
