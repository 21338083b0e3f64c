//! The notes' three-layer network, a LeNet and a small ResNet from the same weights on the same images: the loss of each
//! of 50 steps must be PyTorch's (`xtask/torch/record_training.py`, which makes weights and images by the same formula).

use flambeau::prelude::*;

/// Numbers of 24 bits in [0, 1): the output function of SplitMix64 on the counter k · 2³² + i.
fn numbers(k: u64, n: usize) -> impl Iterator<Item = f64> {
    (1..=n as u64).map(move |i| {
        let z = ((k << 32) + i).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f64 / f64::from(1 << 24)
    })
}

/// Weights uniform within ± 1/√fan_in, biases 0, those of norms 1. Returns how many parameters there are.
fn fill(net: &dyn Module) -> u64 {
    let parameters = net.named_parameters();
    no_grad(|| {
        for (k, (name, parameter)) in parameters.iter().enumerate() {
            if parameter.ndim() > 1 {
                let bound = 1.0 / ((parameter.numel() / parameter.shape()[0]) as f64).sqrt();
                let uniform = |u: f64| ((2.0 * u - 1.0) * bound) as f32;
                let values = numbers(k as u64, parameter.numel()).map(uniform).collect();
                parameter.copy_(&Tensor::from_vec::<f32>(values, parameter.shape()));
            } else if name.ends_with("bias") {
                parameter.zero_();
            }
        }
    });
    parameters.len() as u64
}

fn follows_pytorch(name: &str, net: &impl Forward) {
    let recorded: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/recorded/training.json")).unwrap();
    let setting = &recorded[name];
    let size = |key: &str| setting[key].as_u64().unwrap() as usize;
    let (batch, image, sets) = (size("batch"), size("image"), 4);
    let n = sets * batch;
    let k = fill(net);
    let pixels = numbers(k, n * image * image).map(|u| u as f32).collect();
    let images = Tensor::from_vec::<f32>(pixels, [sets, batch, 1, image, image]);
    let labels = numbers(k + 1, n).map(|u| (u * 10.0) as i64).collect();
    let labels = Tensor::from_vec::<i64>(labels, [sets, batch]);

    let mut optimizer = SGD::new(net.parameters(), setting["lr"].as_f64().unwrap())
        .momentum(recorded["momentum"].as_f64().unwrap())
        .weight_decay(recorded["weight_decay"].as_f64().unwrap());
    let loss_fn = CrossEntropyLoss::default();
    let expected = setting["losses"].as_array().unwrap();
    assert_eq!(expected.len(), 50);
    for (step, expected) in expected.iter().enumerate() {
        let at = (step % sets) as isize;
        let loss = loss_fn.call(&net.call(&images.i(at)), &labels.i(at));
        let (got, expected) = (loss.item::<f64>(), expected.as_f64().unwrap());
        assert!((got / expected - 1.0).abs() < 1e-4, "{name}, step {step}: {got}, PyTorch {expected}");
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
    }
}

#[derive(Module)]
struct Mlp<A: Module> {
    fc1: Linear,
    fc2: Linear,
    fc3: Linear,
    activation: A,
}

impl<A: Forward> Mlp<A> {
    fn new(activation: A) -> Self {
        Mlp { fc1: Linear::new(784, 200), fc2: Linear::new(200, 200), fc3: Linear::new(200, 10), activation }
    }
}

impl<A: Forward> Forward for Mlp<A> {
    fn forward(&self, x: &Tensor) -> Tensor {
        let x = self.activation.call(&self.fc1.call(&x.flatten(1, -1)));
        let x = self.activation.call(&self.fc2.call(&x));
        self.fc3.call(&x)
    }
}

/// LeNet-5 for images of 16 × 16.
#[derive(Module)]
struct LeNet {
    conv1: Conv2d,
    conv2: Conv2d,
    fc1: Linear,
    fc2: Linear,
    fc3: Linear,
    pool: MaxPool2d,
}

impl Forward for LeNet {
    fn forward(&self, x: &Tensor) -> Tensor {
        let x = self.pool.call(&self.conv1.call(x).tanh());
        let x = self.pool.call(&self.conv2.call(&x).tanh()).flatten(1, -1);
        let x = self.fc2.call(&self.fc1.call(&x).tanh()).tanh();
        self.fc3.call(&x)
    }
}

/// A residual block; a convolution of one pixel on the other path where the shape changes.
#[derive(Module)]
struct Block {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    downsample: Option<Sequential>,
}

/// 3 × 3, without a bias: a norm follows.
fn conv3(inputs: usize, outputs: usize, stride: usize) -> Conv2d {
    Conv2d::new(inputs, outputs, 3).stride(stride).padding(1).bias(false)
}

impl Block {
    fn new(inputs: usize, outputs: usize, stride: usize) -> Block {
        let shortcut = || {
            let conv = Conv2d::new(inputs, outputs, 1).stride(stride).bias(false);
            Sequential::new((conv, BatchNorm2d::new(outputs)))
        };
        Block {
            conv1: conv3(inputs, outputs, stride),
            bn1: BatchNorm2d::new(outputs),
            conv2: conv3(outputs, outputs, 1),
            bn2: BatchNorm2d::new(outputs),
            downsample: (stride != 1 || inputs != outputs).then(shortcut),
        }
    }
}

impl Forward for Block {
    fn forward(&self, x: &Tensor) -> Tensor {
        let y = self.bn1.call(&self.conv1.call(x)).relu();
        let y = self.bn2.call(&self.conv2.call(&y));
        let x = self.downsample.as_ref().map_or_else(|| x.clone(), |path| path.call(x));
        (y + x).relu()
    }
}

#[derive(Module)]
struct ResNet {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    layer1: Block,
    layer2: Block,
    avgpool: AdaptiveAvgPool2d,
    fc: Linear,
}

impl Forward for ResNet {
    fn forward(&self, x: &Tensor) -> Tensor {
        let x = self.bn1.call(&self.conv1.call(x)).relu();
        let x = self.layer2.call(&self.layer1.call(&x));
        self.fc.call(&self.avgpool.call(&x).flatten(1, -1))
    }
}

#[test]
fn the_notes_network_follows_pytorch() {
    follows_pytorch("mlp_relu", &Mlp::new(ReLU::default()));
    follows_pytorch("mlp_leaky_relu", &Mlp::new(LeakyReLU::default()));
}

#[test]
fn a_lenet_follows_pytorch() {
    let net = LeNet {
        conv1: Conv2d::new(1, 6, 5).padding(2),
        conv2: Conv2d::new(6, 16, 3),
        fc1: Linear::new(16 * 3 * 3, 120),
        fc2: Linear::new(120, 84),
        fc3: Linear::new(84, 10),
        pool: MaxPool2d::new(2),
    };
    follows_pytorch("lenet", &net);
}

#[test]
fn a_small_resnet_follows_pytorch() {
    let net = ResNet {
        conv1: conv3(1, 8, 1),
        bn1: BatchNorm2d::new(8),
        layer1: Block::new(8, 8, 1),
        layer2: Block::new(8, 16, 2),
        avgpool: AdaptiveAvgPool2d::new(1),
        fc: Linear::new(16, 10),
    };
    follows_pytorch("resnet", &net);
}
