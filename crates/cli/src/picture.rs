//! Pictures in files, as SVG or PNG by the ending of the name.

use flambeau::io::atomic_write;
use flambeau::{Error, Result};
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use plotters::prelude::*;
use std::path::{Path, PathBuf};

use crate::canvas::{Area, Canvas};
use crate::font;

pub(crate) type Fault = Box<dyn std::error::Error>;

pub(crate) const COLOURS: [RGBColor; 8] = [
    RGBColor(0x1f, 0x77, 0xb4),
    RGBColor(0xe4, 0x6c, 0x0a),
    RGBColor(0x2c, 0xa0, 0x2c),
    RGBColor(0xd6, 0x27, 0x28),
    RGBColor(0x94, 0x67, 0xbd),
    RGBColor(0x8c, 0x56, 0x4b),
    RGBColor(0xe3, 0x77, 0xc2),
    RGBColor(0x17, 0xbe, 0xcf),
];

/// Something to be drawn.
pub(crate) trait Picture {
    /// In pixels.
    fn size(&self) -> (u32, u32);
    /// On a white ground.
    fn draw(&self, root: &Area<'_>) -> Result<(), Fault>;
}

/// A file name whose ending says what is drawn.
pub(crate) fn file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    kind(&path).map(|_| path).ok_or_else(|| "needs a name that ends in .svg or .png".into())
}

/// Draws into a file.
pub(crate) fn write(path: &Path, picture: &dyn Picture) -> Result<()> {
    font::register();
    let bytes = match kind(path) {
        Some(Kind::Png) => png(picture),
        _ => svg(picture).map(String::into_bytes),
    };
    let bytes = bytes.map_err(|e| Error::file(path, format!("cannot be drawn ({e})")))?;
    atomic_write(path, |file| file.write_all(&bytes))
}

#[derive(Clone, Copy)]
enum Kind {
    Svg,
    Png,
}

fn kind(path: &Path) -> Option<Kind> {
    match path.extension()?.to_ascii_lowercase().to_str()? {
        "svg" => Some(Kind::Svg),
        "png" => Some(Kind::Png),
        _ => None,
    }
}

fn svg(picture: &dyn Picture) -> Result<String, Fault> {
    let mut text = String::new();
    paint(Canvas::Svg(SVGBackend::with_string(&mut text, picture.size())), picture)?;
    Ok(text)
}

fn png(picture: &dyn Picture) -> Result<Vec<u8>, Fault> {
    let (width, height) = picture.size();
    let mut pixels = vec![0; width as usize * height as usize * 3];
    paint(Canvas::Pixels(BitMapBackend::with_buffer(&mut pixels, (width, height))), picture)?;
    let mut bytes = vec![];
    PngEncoder::new(&mut bytes).write_image(&pixels, width, height, ExtendedColorType::Rgb8)?;
    Ok(bytes)
}

fn paint(canvas: Canvas<'_>, picture: &dyn Picture) -> Result<(), Fault> {
    let root = canvas.into_drawing_area();
    root.fill(&WHITE)?;
    picture.draw(&root)?;
    root.present()?;
    Ok(())
}
