"""Records what torchvision's transforms make of small images. Needs torchvision.

    python xtask/torch/record_transforms.py > crates/data/tests/recorded/transforms.json
"""
import json

import torch
from torchvision.transforms import InterpolationMode as Mode
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F


def image(*shape):
    i = torch.arange(int(torch.tensor(shape).prod()))
    return ((i * 37 + i * i % 101) % 256).to(torch.uint8).reshape(shape)


BYTES = {"rgb": image(3, 6, 9), "grey": image(1, 8, 8), "large": image(3, 20, 30)}
BILINEAR, BICUBIC, NEAREST, EXACT = Mode.BILINEAR, Mode.BICUBIC, Mode.NEAREST, Mode.NEAREST_EXACT

# By name; each runs on bytes and on numbers from 0 to 1.
CALLS = {
    "horizontal_flip": F.horizontal_flip,
    "vertical_flip": F.vertical_flip,
    "crop": lambda x: F.crop(x, 1, 2, 4, 5),
    "crop_outside": lambda x: F.crop(x, -2, 3, 7, 9),
    "center_crop": lambda x: F.center_crop(x, [5, 4]),
    "center_crop_larger": lambda x: F.center_crop(x, [9, 5]),
    "pad": lambda x: F.pad(x, [1, 2, 3, 0], fill=0.0),
    "pad_edge": lambda x: F.pad(x, [2, 1], padding_mode="edge"),
    "pad_reflect": lambda x: F.pad(x, [3, 2, 1, 4], padding_mode="reflect"),
    "pad_symmetric": lambda x: F.pad(x, [3, 2, 1, 4], padding_mode="symmetric"),
    "rotate_30": lambda x: F.rotate(x, 30.0, fill=0),
    "rotate_90": lambda x: F.rotate(x, 90.0, fill=0),
    "rotate_180": lambda x: F.rotate(x, 180.0, fill=0),
    "rotate_-90_expand": lambda x: F.rotate(x, -90.0, expand=True, fill=0),
    "rotate_-77_bilinear": lambda x: F.rotate(x, -77.0, BILINEAR, fill=0),
    "rotate_40_expand_bilinear": lambda x: F.rotate(x, 40.0, BILINEAR, expand=True, fill=1),
    "rotate_13_center": lambda x: F.rotate(x, 13.0, center=[2.0, 1.0], fill=0),
    "affine": lambda x: F.affine(x, 17.0, [1, -2], 0.8, [5.0, -8.0], fill=0),
    "affine_bilinear": lambda x: F.affine(x, -33.0, [2, 1], 1.3, [0.0, 12.0], BILINEAR, fill=0, center=[3.0, 2.0]),
    "adjust_brightness_1.4": lambda x: F.adjust_brightness(x, 1.4),
    "adjust_contrast_0.6": lambda x: F.adjust_contrast(x, 0.6),
    "adjust_contrast_1.7": lambda x: F.adjust_contrast(x, 1.7),
    "adjust_saturation_0.3": lambda x: F.adjust_saturation(x, 0.3),
    "adjust_saturation_1.8": lambda x: F.adjust_saturation(x, 1.8),
    "adjust_hue_0.2": lambda x: F.adjust_hue(x, 0.2),
    "adjust_hue_-0.35": lambda x: F.adjust_hue(x, -0.35),
    "grayscale": lambda x: F.rgb_to_grayscale(x, 1),
    "grayscale_3": lambda x: F.rgb_to_grayscale(x, 3),
    "gaussian_blur": lambda x: F.gaussian_blur(x, [5, 3], [1.2, 0.7]),
    "gaussian_blur_wide": lambda x: F.gaussian_blur(x, [3, 9], [0.4, 3.0]),
    "erase": lambda x: F.erase(x, 1, 2, 3, 4, torch.tensor(0.0)),
    "resize_4": lambda x: F.resize(x, [4]),
    "resize_3x11": lambda x: F.resize(x, [3, 11]),
    "resize_13x17": lambda x: F.resize(x, [13, 17]),
    "resize_max": lambda x: F.resize(x, [5], max_size=6),
    "resize_no_antialias": lambda x: F.resize(x, [3, 5], antialias=False),
    "resize_bicubic": lambda x: F.resize(x, [4, 5], BICUBIC),
    "resize_bicubic_no_antialias": lambda x: F.resize(x, [4, 13], BICUBIC, antialias=False),
    "resize_nearest": lambda x: F.resize(x, [4, 13], NEAREST),
    "resize_nearest_exact": lambda x: F.resize(x, [4, 13], EXACT),
    "resized_crop": lambda x: F.resized_crop(x, 1, 2, 4, 5, [7, 3]),
}
FLOATS_ONLY = {"normalize": lambda x: F.normalize(x, [0.4] * x.shape[0], [0.2] * x.shape[0])}


def main():
    cases = []
    for name, call in {**CALLS, **FLOATS_ONLY}.items():
        for which, pixels in BYTES.items():
            for dtype in (torch.uint8, torch.float32):
                if dtype == torch.uint8 and name in FLOATS_ONLY:
                    continue
                if which == "large" and not name.startswith("resize_"):
                    continue
                x = pixels if dtype == torch.uint8 else pixels.float() / 255
                y = call(x)
                values = [round(v, 5) for v in y.flatten().tolist()]
                cases.append({"call": name, "image": which, "float": dtype != torch.uint8, "shape": list(y.shape),
                              "values": values})
    lam = 0.3
    x, y = (BYTES["grey"].float() / 255).reshape(4, 1, 4, 4), torch.tensor([0, 2, 1, 2])
    mixer = v2.MixUp(num_classes=3)
    mixed = mixer.transform(x, {"lam": lam, "labels": y, "batch_size": 4})
    cases.append({"call": "mix_up", "image": "grey", "float": True, "shape": list(mixed.shape),
                  "values": [round(v, 5) for v in mixed.flatten().tolist()]})
    labels = mixer.transform(y, {"lam": lam, "labels": y, "batch_size": 4})
    cases.append({"call": "mix_up_labels", "image": "grey", "float": True, "shape": list(labels.shape),
                  "values": [round(v, 5) for v in labels.flatten().tolist()]})
    print("[")
    print(",\n".join(json.dumps(case, separators=(",", ":")) for case in cases))
    print("]")


if __name__ == "__main__":
    main()
