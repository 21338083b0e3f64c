//! What wrong calls say: each message names the op, the shapes or dtypes, and what to do. All are in
//! `recorded/messages.txt`; after a change, `FLAMBEAU_RECORD=1 cargo test -p flambeau-tensor --test messages` writes
//! them anew, to be read in the diff.

use flambeau_tensor::door::{Value, call};
use flambeau_tensor::{DType, Tensor, tensor, try_call};
use std::fmt::Write;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded/messages.txt");

/// Each call as it is written, with its message.
macro_rules! messages {
    ($($call:expr;)*) => {
        vec![$((
            stringify!($call),
            try_call(|| { let _ = $call; }).err().map_or("no error".to_owned(), |error| error.to_string()),
        )),*]
    };
}

fn zeros<const N: usize>(shape: [usize; N]) -> Tensor {
    Tensor::zeros(shape)
}

/// The error of a call by name, raised.
fn by_name(op: &str, args: &[Value], keys: &[(&str, Value)]) -> Tensor {
    match call(op, args, keys) {
        Ok(mut outputs) => outputs.remove(0),
        Err(error) => std::panic::resume_unwind(Box::new(error)),
    }
}

fn wrong_calls() -> Vec<(&'static str, String)> {
    let (ints, leaf) = (tensor![[1, 2], [3, 4]], tensor![1.0, 2.0].requires_grad_());
    let x = Value::Tensor(zeros([2, 3]));
    messages! {
        zeros([2, 3]) + zeros([2, 4]);
        tensor![true] - tensor![false];
        tensor![1u8].eq(256);
        zeros([2, 3]).maximum(&zeros([4]));
        zeros([2, 3]).clamp(zeros([2]), 1.0);
        zeros([2, 3]).lerp(&zeros([2, 4]), 0.5);
        zeros([2, 3]).addcmul(&zeros([3]), &zeros([5]), 1.0);
        zeros([2, 3]).masked_fill(&zeros([2, 3]), 1.0);
        zeros([2, 3]).masked_fill(&tensor![true], zeros([3]));
        zeros([2, 3]).masked_select(&zeros([3]));
        Tensor::where_(&zeros([2]), &zeros([2]), &zeros([2]));
        ints.round_decimals(1);
        ints.pow(-1);
        zeros([2, 3]).matmul(&zeros([2, 3]));
        zeros([]).matmul(&zeros([3]));
        ints.matmul(&zeros([2, 2]));
        zeros([2, 3]).mm(&zeros([3]));
        zeros([2, 3]).mv(&zeros([2]));
        zeros([2, 3, 4]).bmm(&zeros([3, 4, 5]));
        zeros([3]).dot(&zeros([4]));
        zeros([2, 3]).outer(&zeros([3]));
        zeros([2, 2]).addmm(&zeros([2, 3]), &zeros([2, 3]), 1, 1);
        zeros([2, 3]).linear(&zeros([5, 4]), None);
        Tensor::einsum("ij,jk->ik", &[zeros([2, 3]), zeros([2, 3])]);
        Tensor::einsum("ij,jk", &[zeros([2, 3])]);
        zeros([2, 3]).sum_dim(2, false);
        zeros([2, 3]).sum_dim([0, -2], false);
        ints.mean();
        ints.var();
        ints.norm(2.0);
        zeros([0, 2]).amax(0, false);
        zeros([0]).max();
        zeros([2, 3]).argmax(2, false);
        zeros([2, 3]).kthvalue(4, 1, false);
        zeros([2, 3]).topk(5, 1, true);
        zeros([2, 3]).trace().trace();
        zeros([2, 3]).cumsum(3);
        zeros([2, 3]).reshape([4, 2]);
        zeros([2, 3]).reshape([-1, -1]);
        zeros([2, 3]).t().view_as_shape([6]);
        zeros([2, 3]).flatten(1, 0);
        zeros([2, 12]).unflatten(1, [5, -1]);
        zeros([2, 3]).permute([0]);
        zeros([2, 3]).permute([0, 0]);
        zeros([1, 2, 3]).t();
        zeros([2, 3]).movedim([0, 1], [0]);
        zeros([2, 3]).expand([4, 3]);
        zeros([2, 3]).expand([-2, 3]);
        zeros([2, 3]).expand([3]);
        zeros([2, 3]).narrow(1, 2, 5);
        zeros([2, 3]).narrow(5, 0, 1);
        zeros([2, 3]).slice(1, 0, 3, 0);
        zeros([2, 3]).select(1, 3);
        zeros([2, 3]).i((0, 0, 0));
        zeros([2, 3]).i((0, 7));
        zeros([2, 3]).diagonal(0, 1, 1);
        zeros([2, 3]).unfold(1, 4, 1);
        zeros([2, 3]).unfold(1, 2, 0);
        zeros([2, 3]).repeat([2]);
        zeros([2, 3]).roll([1, 2], 0);
        zeros([2, 3]).flip([0, 0]);
        zeros([2, 3]).split(0, 1);
        zeros([2, 3]).split_with_sizes(&[1, 1], 1);
        zeros([2, 3]).chunk(0, 1);
        zeros([3]).tril(0);
        zeros([2, 3]).index_select(0, &tensor![0, 7]);
        zeros([2, 3]).index_select(0, &tensor![0.0]);
        zeros([]).index_select(0, &tensor![0, 0]);
        zeros([2, 3]).index(&[Some(&tensor![2])]);
        zeros([2, 3]).index(&[Some(&tensor![0.5])]);
        zeros([2, 3]).index(&[Some(&tensor![true])]);
        zeros([2, 3]).index_put(&[Some(&tensor![0])], &zeros([2]), false);
        zeros([2, 3]).gather(1, &tensor![[3]]);
        zeros([2, 3]).gather(1, &tensor![0]);
        zeros([2, 3]).scatter(1, &tensor![[0]], &ints);
        zeros([2, 3]).scatter_add(0, &tensor![[0, 1, 1, 0]], &zeros([1, 4]));
        zeros([2, 3]).index_add(0, &tensor![0], &zeros([2, 3]));
        Tensor::cat(&[zeros([2, 3]), zeros([3, 3])], 1);
        Tensor::cat(&[], 0);
        Tensor::cat(&[zeros([])], 0);
        Tensor::stack(&[zeros([2, 3]), zeros([3, 3])], 0);
        Tensor::meshgrid(&[zeros([2, 3])], flambeau_tensor::Indexing::Ij);
        zeros([2, 3]).dropout(1.5, true);
        ints.softmax(0);
        zeros([2, 3]).cross_entropy(&tensor![0, 3], Default::default());
        zeros([2, 3]).cross_entropy(&tensor![0, 1, 2], Default::default());
        Tensor::from_vec(vec![1f32; 3], [2, 2]);
        Tensor::arange(0i64, 5, 0);
        Tensor::linspace(0.0, 1.0, usize::MAX);
        Tensor::rand([1usize << 40, 1 << 40]);
        Tensor::randint(5, 5, [2]);
        Tensor::normal(0.0, -1.0, [2]);
        ints.rand_like();
        tensor![0.5, 1.5].bernoulli();
        tensor![0.0, 0.0].multinomial(1, true);
        tensor![0.0, 1.0].multinomial(2, false);
        zeros([2, 3]).item::<f32>();
        zeros([1]).expand([3]).copy_(&tensor![1.0, 2.0, 3.0]);
        tensor![1.0, 2.0].copy_(&tensor![1.0, 2.0, 3.0]);
        tensor![1.0, 2.0].add_(zeros([2, 2]));
        ints.div_(2.0);
        ints.exp_();
        leaf.add_(1.0);
        leaf.i(0).zero_();
        zeros([2]).uniform_(1.0, 0.0);
        ints.normal_(0.0, 1.0);
        ints.modify(|_: &mut [f32]| ());
        ints.set_requires_grad(true);
        zeros([2]).backward();
        (&leaf * 2.0).backward();
        by_name("nonsense", &[], &[]);
        by_name("sum", &[Value::Int(1)], &[]);
        by_name("sum", std::slice::from_ref(&x), &[("axes", Value::Int(1))]);
        by_name("to", std::slice::from_ref(&x), &[("dtype", Value::Str("f99".into()))]);
        by_name("zeros_like", std::slice::from_ref(&x), &[("dtype", Value::DType(DType::Bool)), ("dim", x.clone())]);
    }
}

#[test]
fn messages_are_those_recorded() {
    let calls = wrong_calls();
    let mut text = String::new();
    for (call, message) in &calls {
        writeln!(text, "{call}\n    {message}\n").unwrap();
    }
    let fine: Vec<&str> = calls.iter().filter(|c| c.1 == "no error").map(|c| c.0).collect();
    assert!(fine.is_empty(), "these calls give no error: {fine:?}");
    if std::env::var_os("FLAMBEAU_RECORD").is_some() {
        // The file is under version control, and half of it would fail the test.
        #[allow(clippy::disallowed_methods)]
        std::fs::write(FILE, &text).unwrap();
    }
    let recorded = std::fs::read_to_string(FILE).unwrap_or_default();
    // The blocks that differ, as in a diff.
    let blocks = |text: &str| text.split("\n\n").map(str::to_owned).collect::<Vec<_>>();
    let (old, new) = (blocks(&recorded), blocks(&text));
    let gone = old.iter().filter(|block| !new.contains(block)).map(|block| block.replace('\n', "\n- "));
    let come = new.iter().filter(|block| !old.contains(block)).map(|block| block.replace('\n', "\n+ "));
    let diff: Vec<String> = gone.map(|b| format!("- {b}")).chain(come.map(|b| format!("+ {b}"))).collect();
    assert!(recorded == text, "{}\nIf that is right, write it with FLAMBEAU_RECORD=1", diff.join("\n"));
    assert!(calls.len() >= 60);
}
