//! Folders of images, written by another implementation where the format is lossy.

use flambeau_data::*;
use flambeau_tensor::try_call;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use std::io::Cursor;
use std::path::Path;

/// 3 wide and 2 high: red = 10 times the column, green = 100 times the row, blue = 7.
fn picture() -> DynamicImage {
    RgbImage::from_fn(3, 2, |x, y| Rgb([10 * x as u8, 100 * y as u8, 7])).into()
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn write(root: &Path, name: &str, bytes: &[u8]) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn every_format_gives_channels_first() {
    let expected = [0, 10, 20, 0, 10, 20, 0, 0, 0, 100, 100, 100, 7, 7, 7, 7, 7, 7];
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::WebP, ImageFormat::Jpeg] {
        let image = decode_image(&encoded(&picture(), format), ImageReadMode::Rgb).unwrap();
        assert_eq!(image.shape(), [3, 2, 3], "{format:?}");
        let values = image.to_vec::<u8>();
        if format == ImageFormat::Jpeg {
            let off = values.iter().zip(expected).map(|(&a, b)| a.abs_diff(b)).max().unwrap();
            assert!(off < 40, "{values:?}");
        } else {
            assert_eq!(values, expected, "{format:?}");
        }
    }
}

#[test]
fn grey_transparent_and_deep_images() {
    let png = |image: DynamicImage| encoded(&image, ImageFormat::Png);
    // (19595 * 20 + 38470 * 100 + 7471 * 7) / 65536 = 65.48, as PIL's convert("L") has it.
    let grey = decode_image(&png(picture()), ImageReadMode::Gray).unwrap();
    assert_eq!((grey.shape(), grey.to_vec::<u8>()[5]), (&[1, 2, 3][..], 65));
    for image in [
        DynamicImage::from(picture().to_rgba8()),
        DynamicImage::from(picture().to_rgb16()),
        DynamicImage::from(picture().to_rgba16()),
    ] {
        let rgb = decode_image(&png(image), ImageReadMode::Rgb).unwrap();
        assert_eq!(rgb.to_vec::<u8>()[9..12], [100, 100, 100]);
    }
    let luma = png(DynamicImage::from(picture().to_luma8()));
    let (one, three) =
        (decode_image(&luma, ImageReadMode::Gray).unwrap(), decode_image(&luma, ImageReadMode::Rgb).unwrap());
    assert_eq!(one.to_vec::<u8>().repeat(3), three.to_vec::<u8>());
}

#[test]
fn classes_and_files_are_sorted() {
    let root = tempfile::tempdir().unwrap();
    let png = encoded(&picture(), ImageFormat::Png);
    for name in ["dog/b.png", "dog/a/z.PNG", "cat/1.webp", "cat/.hidden.png", "cat/notes.txt", ".git/x.png"] {
        write(root.path(), name, &png);
    }
    write(root.path(), "readme.txt", b"not a class");
    let data = ImageFolder::new(root.path()).unwrap();
    assert_eq!(data.classes(), ["cat", "dog"]);
    assert_eq!(data.class_to_idx()["dog"], 1);
    let names: Vec<_> = data
        .samples()
        .iter()
        .map(|(p, c)| (p.strip_prefix(root.path()).unwrap().to_str().unwrap(), *c))
        .collect();
    assert_eq!(names, [("cat/1.webp", 0), ("dog/a/z.PNG", 1), ("dog/b.png", 1)]);
    // Told apart by content: 1.webp is a PNG.
    let (x, y) = data.batch(&[0, 2]);
    assert_eq!(x.shape(), [2, 3, 2, 3]);
    assert_eq!(y.to_vec::<i64>(), [0, 1]);
    assert_eq!(x.to_vec::<f32>()[9], 100.0 / 255.0);
    assert!(data.check().is_empty());
    let grey = data.mode(ImageReadMode::Gray);
    assert_eq!(grey.get(0).0.shape(), [1, 2, 3]);
}

#[test]
fn exif_orientation_is_followed_only_when_asked() {
    let root = tempfile::tempdir().unwrap();
    let mut jpeg = encoded(&picture(), ImageFormat::Jpeg);
    // An APP1 segment after the start marker: big-endian TIFF with one entry, orientation (0x0112) = 6, a quarter turn.
    let tiff = [77, 77, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0];
    let mut segment = vec![0xff, 0xe1, 0, (2 + 6 + tiff.len()) as u8];
    segment.extend(b"Exif\0\0");
    segment.extend(tiff);
    jpeg.splice(2..2, segment);
    write(root.path(), "a/photo.jpg", &jpeg);
    let data = ImageFolder::new(root.path()).unwrap();
    assert_eq!(data.get(0).0.shape(), [3, 2, 3]);
    assert_eq!(data.apply_exif_orientation(true).get(0).0.shape(), [3, 3, 2]);
}

#[test]
fn bad_images_are_named() {
    let root = tempfile::tempdir().unwrap();
    let png = encoded(&picture(), ImageFormat::Png);
    write(root.path(), "a/0_good.png", &png);
    write(root.path(), "a/1_empty.png", &[]);
    write(root.path(), "a/2_cut.png", &png[..png.len() - 20]);
    write(root.path(), "a/3_text.jpg", b"this is not an image");
    let mut huge = png.clone();
    huge[16..20].copy_from_slice(&0x4000_0000_u32.to_be_bytes());
    huge[20..24].copy_from_slice(&0x4000_0000_u32.to_be_bytes());
    write(root.path(), "a/4_huge.png", &huge);
    let data = ImageFolder::new(root.path()).unwrap();
    let complaint = |index| {
        let message = try_call(|| data.get(index)).unwrap_err().to_string();
        assert!(message.starts_with(&data.samples()[index].0.display().to_string()), "{message}");
        message
    };
    assert!(complaint(1).contains("is an empty file"));
    assert!(complaint(2).contains("is a damaged image"));
    assert!(complaint(3).contains("is no PNG, JPEG, WebP or BMP image"));
    assert!(complaint(4).contains("image"), "a header that promises 2^60 pixels");
    assert_eq!(data.check().len(), 4);
    let mut batches = DataLoader::new(data, 5).unwrap().num_workers(2).iter();
    let message = batches.try_next().unwrap_err().to_string();
    assert!(message.contains("1_empty.png") && message.contains("item 1"), "{message}");
}

#[test]
fn folders_without_images_are_named() {
    let root = tempfile::tempdir().unwrap();
    let complaint = |path: &Path| ImageFolder::new(path).unwrap_err().to_string();
    assert!(complaint(root.path()).contains("holds no folders"));
    std::fs::create_dir(root.path().join("cat")).unwrap();
    let message = complaint(root.path());
    assert!(message.contains("/cat: is a class folder without an image"), "{message}");
    assert!(complaint(&root.path().join("none")).contains("no such folder"));
    write(root.path(), "file", b"");
    assert!(complaint(&root.path().join("file")).contains("is not a folder"));
}
