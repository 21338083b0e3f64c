//! Bytes as they come from a file, as an image.

use flambeau_tensor::{DType, Tensor};

use super::Transform;
use super::image::ensure;

/// Makes an image `[C, H, W]` of `f32` from 0 to 1 out of one of bytes `[H, W, C]` from 0 to 255: out\[c, i, j\] =
/// in\[i, j, c\] / 255. Two dimensions are one channel.
///
/// ```
/// use flambeau_data::transforms::{ToTensor, Transform};
/// use flambeau_tensor::tensor;
///
/// let red_and_blue = tensor![[[255u8, 0u8, 0u8], [0u8, 0u8, 51u8]]];
/// let x = ToTensor.call(&red_and_blue);
/// assert_eq!(x.shape(), [3, 1, 2]);
/// assert_eq!(x.to_vec::<f32>(), [1.0, 0.0, 0.0, 0.0, 0.0, 0.2]);
/// ```
///
/// Source: [`torchvision.transforms.ToTensor`](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.ToTensor.html)
#[derive(Clone, Copy, Debug, Default)]
pub struct ToTensor;

impl Transform for ToTensor {
    #[track_caller]
    fn forward(&self, image: &Tensor) -> Tensor {
        let [height, width, channels] = match *image.shape() {
            [height, width] => [height, width, 1],
            [height, width, channels] => [height, width, channels],
            _ => [0; 3],
        };
        ensure!(
            image.dtype() == DType::U8 && matches!(image.ndim(), 2 | 3),
            "ToTensor",
            "a tensor of shape {:?}, {}; it takes bytes [H, W, C] or [H, W], torch.uint8. Images [C, H, W] of bytes become \
             numbers from 0 to 1 by to_dtype(DType::F32) / 255",
            image.shape(),
            image.dtype()
        );
        let out = Tensor::zeros([channels, height, width]);
        let bytes = image.contiguous();
        {
            let (bytes, mut out) = (bytes.view::<u8>(), out.slice_mut::<f32>());
            let plane = (height * width).max(1);
            for (c, out) in out.chunks_exact_mut(plane).enumerate() {
                for (o, pixel) in out.iter_mut().zip(bytes.chunks_exact(channels)) {
                    *o = f32::from(pixel[c]) / 255.0;
                }
            }
        }
        out
    }
}
