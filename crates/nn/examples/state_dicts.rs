//! Writes the `state_dict` of each layer that has one to a folder, for `xtask/torch/check_state_dicts.py`.
//!
//! The name of a file is the expression that makes the layer in `torch.nn`.

use flambeau_nn::*;

fn layers() -> Vec<(&'static str, Box<dyn Module>)> {
    fn boxed(module: impl Module) -> Box<dyn Module> {
        Box::new(module)
    }
    vec![
        ("Linear(3, 2)", boxed(Linear::new(3, 2))),
        ("Linear(3, 2, bias=False)", boxed(Linear::new(3, 2).bias(false))),
        ("Bilinear(3, 4, 2)", boxed(Bilinear::new(3, 4, 2))),
        ("Bilinear(3, 4, 2, bias=False)", boxed(Bilinear::new(3, 4, 2).bias(false))),
        ("Conv1d(4, 6, 3)", boxed(Conv1d::new(4, 6, 3))),
        ("Conv1d(4, 6, 3, bias=False)", boxed(Conv1d::new(4, 6, 3).bias(false))),
        ("Conv2d(4, 6, (3, 5))", boxed(Conv2d::new(4, 6, (3, 5)))),
        ("Conv2d(4, 6, 3, groups=2)", boxed(Conv2d::new(4, 6, 3).groups(2))),
        ("ConvTranspose1d(4, 6, 3)", boxed(ConvTranspose1d::new(4, 6, 3))),
        ("ConvTranspose2d(4, 6, (3, 5))", boxed(ConvTranspose2d::new(4, 6, (3, 5)))),
        ("ConvTranspose2d(4, 6, 3, groups=2)", boxed(ConvTranspose2d::new(4, 6, 3).groups(2))),
        ("BatchNorm1d(3)", boxed(BatchNorm1d::new(3))),
        ("BatchNorm2d(3)", boxed(BatchNorm2d::new(3))),
        ("BatchNorm2d(3, affine=False)", boxed(BatchNorm2d::new(3).affine(false))),
        ("BatchNorm2d(3, track_running_stats=False)", boxed(BatchNorm2d::new(3).track_running_stats(false))),
        ("BatchNorm3d(3)", boxed(BatchNorm3d::new(3))),
        (
            "InstanceNorm1d(3, affine=True, track_running_stats=True)",
            boxed(InstanceNorm1d::new(3).affine(true).track_running_stats(true)),
        ),
        ("InstanceNorm2d(3, affine=True)", boxed(InstanceNorm2d::new(3).affine(true))),
        (
            "InstanceNorm3d(3, track_running_stats=True)",
            boxed(InstanceNorm3d::new(3).track_running_stats(true)),
        ),
        ("LayerNorm([2, 3])", boxed(LayerNorm::new([2, 3]))),
        ("LayerNorm(3, bias=False)", boxed(LayerNorm::new(3).bias(false))),
        ("GroupNorm(2, 4)", boxed(GroupNorm::new(2, 4))),
        ("RMSNorm(3)", boxed(RMSNorm::new(3))),
        ("Embedding(5, 3)", boxed(Embedding::new(5, 3))),
        ("Embedding(5, 3, padding_idx=1)", boxed(Embedding::new(5, 3).padding_idx(1))),
        ("PReLU(3)", boxed(PReLU::new(3))),
        ("RNN(3, 4)", boxed(RNN::new(3, 4))),
        (
            "RNN(3, 4, num_layers=2, bidirectional=True)",
            boxed(RNN::new(3, 4).num_layers(2).bidirectional(true)),
        ),
        ("LSTM(3, 4, num_layers=2)", boxed(LSTM::new(3, 4).num_layers(2))),
        (
            "LSTM(3, 4, bidirectional=True, proj_size=2)",
            boxed(LSTM::new(3, 4).bidirectional(true).proj_size(2)),
        ),
        ("GRU(3, 4, bias=False)", boxed(GRU::new(3, 4).bias(false))),
        ("GRU(3, 4, bidirectional=True)", boxed(GRU::new(3, 4).bidirectional(true))),
        ("RNNCell(3, 4)", boxed(RNNCell::new(3, 4))),
        ("LSTMCell(3, 4)", boxed(LSTMCell::new(3, 4))),
        ("GRUCell(3, 4, bias=False)", boxed(GRUCell::new(3, 4).bias(false))),
        ("MultiheadAttention(4, 2)", boxed(MultiheadAttention::new(4, 2))),
        (
            "MultiheadAttention(4, 2, kdim=3, vdim=5, add_bias_kv=True)",
            boxed(MultiheadAttention::new(4, 2).kdim(3).vdim(5).add_bias_kv(true)),
        ),
        ("MultiheadAttention(4, 2, bias=False)", boxed(MultiheadAttention::new(4, 2).bias(false))),
        (
            "Sequential(Conv2d(1, 2, 3), BatchNorm2d(2), ReLU(), Sequential(Flatten(), Linear(8, 3)))",
            boxed(Sequential::new((
                Conv2d::new(1, 2, 3),
                BatchNorm2d::new(2),
                ReLU::default(),
                Sequential::new((Flatten::default(), Linear::new(8, 3))),
            ))),
        ),
    ]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: state_dicts FOLDER")?;
    let folder = std::path::PathBuf::from(folder);
    std::fs::create_dir_all(&folder)?;
    for (expression, layer) in layers() {
        layer.state_dict().save(folder.join(format!("{expression}.safetensors")))?;
    }
    Ok(())
}
