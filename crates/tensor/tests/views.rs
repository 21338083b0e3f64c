//! Which results share memory, as in PyTorch, and Python's brackets through the door.

use flambeau_tensor::door::{Value, call};
use flambeau_tensor::{Dims, Indexing, Tensor, tensor, try_call};

#[test]
fn views_share_memory_and_copies_do_not() {
    let x = || Tensor::arange(0i64, 12, 1).reshape([3, 4]);
    let shared = |name: &str, f: &dyn Fn(&Tensor) -> Tensor, want: bool| {
        let x = x();
        f(&x).fill_(-7.0);
        assert_eq!(x.to_vec::<i64>().contains(&-7), want, "{name}");
    };
    shared("diagonal", &|x| x.diagonal(1, 0, 1), true);
    shared("movedim", &|x| x.movedim(0, 1), true);
    shared("unbind", &|x| x.unbind(1).swap_remove(2), true);
    shared("split", &|x| x.split(2, 0).swap_remove(1), true);
    shared("split_with_sizes", &|x| x.split_with_sizes(&[1, 3], 1).swap_remove(1), true);
    shared("chunk", &|x| x.chunk(2, 1).swap_remove(1), true);
    shared("unflatten", &|x| x.unflatten(1, [2, 2]), true);
    shared("unfold", &|x| x.unfold(1, 2, 2), true);
    shared("squeeze", &|x| x.unsqueeze(0).squeeze(Dims::all()), true);
    shared("diag", &|x| x.diag(0), false);
    shared("flip", &|x| x.flip(Vec::<isize>::new()), false);
    shared("roll", &|x| x.roll(0, 0), false);
    shared("repeat", &|x| x.repeat([1, 1]), false);
    shared("tile", &|x| x.tile(()), false);
    shared("tril", &|x| x.tril(9), false);
    shared(
        "scatter",
        &|x| x.scatter(0, &Tensor::zeros([0, 0]).to_dtype(flambeau_tensor::DType::I64), 1),
        false,
    );
    shared("index", &|x| x.index(&[Some(&tensor![0, 1, 2])]), false);
}

#[test]
fn wide_views_repeat_one_memory() {
    let x = tensor![1, 2];
    assert_eq!(x.broadcast_to([3, 2]).strides(), [0, 1]);
    assert_eq!(Tensor::meshgrid(&[x.clone(), x], Indexing::Xy)[1].strides(), [1, 0]);
}

#[test]
fn sums_of_parts_have_the_gradient_of_the_whole() {
    let x = Tensor::ones([5]).requires_grad_();
    let parts = x.unfold(0, 3, 1);
    parts.sum().backward();
    assert_eq!(x.grad().unwrap().to_vec::<f32>(), [1.0, 2.0, 3.0, 2.0, 1.0]);
}

fn getitem(x: &Tensor, key: Value) -> Result<Tensor, flambeau_tensor::Error> {
    Ok(call("__getitem__", &[Value::Tensor(x.clone()), key], &[])?.swap_remove(0))
}

#[test]
fn brackets_take_what_pythons_take() {
    let x = Tensor::arange(0i64, 24, 1).reshape([2, 3, 4]);
    let list = |values: &[Value]| Value::List(values.to_vec());
    let ints = |values: &[i64]| Value::List(values.iter().map(|&i| Value::Int(i)).collect());
    let all = || Value::Slice(None, None, None);
    let mask = |x: Tensor| Value::Tensor(x);
    let dots = || Value::Str("...".into());
    let cases: Vec<(Value, &[usize], i64)> = vec![
        // The shape and the sum, as PyTorch gives them.
        (Value::Int(-1), &[3, 4], 210),
        (list(&[Value::Int(0), Value::Slice(Some(1), None, None)]), &[2, 4], 60),
        (list(&[dots(), Value::Int(1)]), &[2, 3], 66),
        (list(&[Value::Int(1), dots(), Value::Slice(None, Some(-1), Some(2))]), &[3, 2], 102),
        (list(&[Value::None, all(), Value::None, Value::Int(0)]), &[1, 2, 1, 4], 60),
        (list(&[all(), ints(&[0, -1])]), &[2, 2, 4], 184),
        (list(&[ints(&[0, 1, 1]), all(), ints(&[1, 2, 3])]), &[3, 3], 126),
        (list(&[Value::Int(1), all(), ints(&[0, 1])]), &[3, 2], 99),
        (mask(x.gt(20)), &[3], 66),
        (list(&[Value::Int(0), mask(tensor![true, false, true])]), &[2, 4], 44),
        (list(&[mask(tensor![[true, false, false], [false, true, true]]), Value::Int(2)]), &[3], 42),
        (list(&[dots(), mask(tensor![true, false, false, true])]), &[2, 3, 2], 138),
        (Value::Bool(true), &[1, 2, 3, 4], 276),
        (Value::Bool(false), &[0, 2, 3, 4], 0),
        (mask(Tensor::scalar(1i64)), &[3, 4], 210),
        (list(&[]), &[2, 3, 4], 276),
        (list(&[ints(&[])]), &[0, 3, 4], 0),
        (list(&[list(&[ints(&[0, 1]), ints(&[1, 1])])]), &[2, 2, 3, 4], 66 + 3 * 210),
    ];
    for (key, shape, sum) in cases {
        let y = getitem(&x, key.clone()).unwrap_or_else(|e| panic!("{key:?}: {e}"));
        assert_eq!((y.shape(), y.sum().item::<i64>()), (shape, sum), "{key:?}");
    }
    for (key, start) in [
        (Value::Int(2), "__getitem__: select: position 2 of dimension 0, whose size is 2 (shape [2, 3, 4])"),
        (list(&[ints(&[0, 5])]), "__getitem__: index: position 5 is outside of a dimension of size 2"),
        (list(&[all(), all(), all(), all()]), "__getitem__: index: more indices than the 3 dimensions"),
        (
            mask(tensor![true, false, true]),
            "__getitem__: index: a mask of shape [3] at dimension 0 of shape [2, 3, 4]",
        ),
        (
            mask(tensor![0.5]),
            "__getitem__: index: an index of torch.float32; it takes torch.int64 or a bool mask",
        ),
        (Value::Slice(None, None, Some(-1)), "__getitem__: slice: the step is 0; it must be at least 1"),
    ] {
        let message = getitem(&x, key).unwrap_err().to_string();
        assert!(message.starts_with(start), "{message}");
    }
}

#[test]
fn scatter_reduces_as_asked() {
    let x = Value::Tensor(tensor![2.0, 3.0, 4.0]);
    let index = Value::Tensor(tensor![0, 2, 0]);
    let source = Value::Tensor(tensor![5.0, 6.0, 7.0]);
    let run = |x: &Value, source: &Value, reduce: &str| {
        let args = [x.clone(), Value::Int(0), index.clone(), source.clone()];
        call("scatter", &args, &[("reduce", Value::Str(reduce.into()))])
    };
    assert_eq!(run(&x, &source, "add").unwrap()[0].to_vec::<f32>(), [14.0, 3.0, 10.0]);
    assert_eq!(run(&x, &source, "multiply").unwrap()[0].to_vec::<f32>(), [70.0, 3.0, 24.0]);
    assert_eq!(run(&x, &Value::Int(2), "multiply").unwrap()[0].to_vec::<f32>(), [8.0, 3.0, 8.0]);
    let error = run(&x, &source, "mean").unwrap_err().to_string();
    assert_eq!(error, "scatter: reduce is \"mean\"; it takes \"add\" or \"multiply\"");
    let leaf = Value::Tensor(tensor![2.0, 3.0, 4.0].requires_grad_());
    assert!(run(&leaf, &source, "multiply").unwrap_err().to_string().contains("no gradient"));
}

#[test]
fn creation_takes_pythons_keywords() {
    let int = |v| Value::Int(v);
    let f64s = [("dtype", Value::DType(flambeau_tensor::DType::F64))];
    let x = call("full", &[Value::List(vec![int(2)]), Value::Float(0.1)], &f64s).unwrap();
    assert_eq!(x[0].to_vec::<f64>(), [0.1, 0.1]);
    let x = call("arange", &[], &[("start", int(1)), ("end", int(6)), ("step", int(2))]).unwrap();
    assert_eq!(x[0].to_vec::<i64>(), [1, 3, 5]);
    let x = call("arange", &[], &[("end", Value::Float(2.5))]).unwrap();
    assert_eq!(x[0].to_vec::<f32>(), [0.0, 1.0, 2.0]);
    let x = call("zeros", &[int(2), int(3)], &[("requires_grad", Value::Bool(true))]).unwrap();
    assert!(x[0].requires_grad() && x[0].shape() == [2, 3]);
    assert!(call("zeros", &[int(1 << 40), int(1 << 40)], &[]).unwrap_err().to_string().contains("no memory"));
    assert!(call("arange", &[int(0), int(3), int(-1)], &[]).is_err());
    assert!(call("randperm", &[int(1 << 60)], &[]).is_err());
}

#[test]
fn new_tensors_have_pytorchs_strides() {
    let strides = |sizes: &[usize]| Tensor::zeros(sizes).strides().to_vec();
    assert_eq!(strides(&[]), [0usize; 0]);
    assert_eq!(strides(&[4, 0]), [1, 1]);
    assert_eq!(strides(&[2, 3, 1, 5, 2]), [30, 10, 10, 2, 1]);
    assert_eq!(strides(&[2, 0, 3, 1, 2, 4]), [24, 24, 8, 8, 4, 1]);
}

#[test]
fn a_size_is_named_from_either_end() {
    let x = Tensor::zeros([2, 3]);
    assert_eq!([x.size(0), x.size(1), x.size(-1), x.size(-2)], [2, 3, 3, 2]);
    for dim in [2, -3, isize::MAX, isize::MIN] {
        let error = try_call(|| x.size(dim)).unwrap_err().to_string();
        assert!(error.starts_with("size: dimension") && error.contains("[2, 3]"), "{error}");
    }
    assert!(try_call(|| Tensor::zeros(()).size(0)).unwrap_err().to_string().contains("0-d"));
}
