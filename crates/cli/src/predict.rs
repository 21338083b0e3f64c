//! `flambeau predict`.

use flambeau::prelude::*;
use flambeau::{Error, Result};
use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, ImageReader, Luma, Pixel, Rgb, RgbImage};
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::Path;

use crate::args::PredictArgs;
use crate::config::{Config, ModelConfig};
use crate::console::say;
use crate::network::Net;
use crate::run_folder::{CONFIG, WEIGHTS};

/// How many of the likeliest classes to print.
const TOP: usize = 3;

/// Classifies one image.
pub(crate) fn run(args: &PredictArgs) -> Result<()> {
    if !args.run.is_dir() {
        let message = if args.run.exists() { "is not a folder" } else { "no such folder" };
        return Err(Error::file(
            &args.run,
            format!("{message}; name a run folder that `flambeau train` wrote"),
        ));
    }
    let config = Config::read(&args.run.join(CONFIG))?.model;
    let model = load(&args.run.join(WEIGHTS), &config)?;
    let image = read_image(&args.image, &config, args.invert)?;

    let probabilities = no_grad(|| model.call(&image).softmax(1)).to_vec::<f32>();
    let mut ranked: Vec<(f32, &String)> = probabilities.into_iter().zip(&config.classes).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    say(format_args!("{}: {}", args.image.display(), ranked[0].1));
    let width = config.classes.iter().map(|c| c.chars().count()).max().unwrap_or(0);
    for (probability, class) in ranked.iter().take(TOP) {
        say(format_args!("  {class:<width$}  {:>6.2} %", 100.0 * probability));
    }
    Ok(())
}

fn load(weights: &Path, config: &ModelConfig) -> Result<Net> {
    if !weights.is_file() {
        return Err(Error::file(
            weights,
            "no such file; the run ended before its first weights, train again",
        ));
    }
    let model = Net::new(config);
    model.load(weights)?;
    model.eval();
    Ok(model)
}

/// The image as the network takes it: of its channels and size, from 0 (dark) to 1 (light), in a batch of one.
fn read_image(path: &Path, config: &ModelConfig, invert: bool) -> Result<Tensor> {
    let [channels, height, width] = config.input;
    let image = decode(path)?;
    let pixels = match channels {
        1 => resized(grey(image), config, invert),
        _ => resized(colour(image), config, invert),
    };
    let pixels = pixels.into_iter().map(|v| f32::from(v) / 255.0).collect();
    // Channels come last in a picture and first in the network.
    Ok(Tensor::from_vec(pixels, [1, height, width, channels]).permute([0_isize, 3, 1, 2]).contiguous())
}

/// The bytes of the image in the network's size.
fn resized<P>(mut image: ImageBuffer<P, Vec<u8>>, config: &ModelConfig, invert: bool) -> Vec<u8>
where
    P: Pixel<Subpixel = u8> + 'static,
{
    let [_, height, width] = config.input;
    if invert {
        imageops::invert(&mut image);
    }
    let (w, h) = (width as u32, height as u32);
    let shrinks = image.width() >= w && image.height() >= h;
    // The mean over the pixels that fall together is how the small digits were made from large ones.
    let resized = if shrinks {
        imageops::thumbnail(&image, w, h)
    } else {
        imageops::resize(&image, w, h, FilterType::Triangle)
    };
    resized.into_raw()
}

fn decode(path: &Path) -> Result<DynamicImage> {
    let unreadable = |e: std::io::Error| {
        let message = match e.kind() {
            ErrorKind::NotFound => "no such file; check the path".to_owned(),
            ErrorKind::IsADirectory => "is a folder; name a PNG image".to_owned(),
            _ => format!("cannot be read ({e})"),
        };
        Error::file(path, message)
    };
    let mut file = File::open(path).map(BufReader::new).map_err(unreadable)?;
    // By content: a name that ends in .png proves nothing.
    if !image::guess_format(file.fill_buf().map_err(unreadable)?).is_ok_and(|f| f == ImageFormat::Png) {
        return Err(Error::file(path, "is not a PNG image; convert it to PNG"));
    }
    let reader = ImageReader::with_format(file, ImageFormat::Png);
    reader.decode().map_err(|e| {
        Error::file(
            path,
            format!("is not a readable PNG image ({}); save it again", e.to_string().replace('\n', " ")),
        )
    })
}

/// What is transparent is dark.
fn covered(light: u8, alpha: u8) -> u8 {
    (u16::from(light) * u16::from(alpha) / 255) as u8
}

fn grey(image: DynamicImage) -> GrayImage {
    let with_alpha = image.into_luma_alpha8();
    GrayImage::from_fn(with_alpha.width(), with_alpha.height(), |x, y| {
        let [light, alpha] = with_alpha.get_pixel(x, y).0;
        Luma([covered(light, alpha)])
    })
}

fn colour(image: DynamicImage) -> RgbImage {
    let with_alpha = image.into_rgba8();
    RgbImage::from_fn(with_alpha.width(), with_alpha.height(), |x, y| {
        let [red, green, blue, alpha] = with_alpha.get_pixel(x, y).0;
        Rgb([red, green, blue].map(|light| covered(light, alpha)))
    })
}
