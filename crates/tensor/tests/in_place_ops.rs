//! Every operation in place against the same operation out of place: values, gradients and what is refused.

use flambeau_tensor::autograd::{BackwardOptions, grad};
use flambeau_tensor::ops::div::RoundingMode;
use flambeau_tensor::testing::{integers, normal, positive};
use flambeau_tensor::{DType, Tensor, no_grad, tensor, try_call};

/// An operation on x and a second tensor of the same shape and dtype.
type Call = fn(&Tensor, &Tensor) -> Tensor;

/// An operation's name in place, and both forms.
struct Twin(&'static str, Call, Call);

macro_rules! twins {
    ($a:ident; $($op:ident $name:ident($($arg:expr),*);)*) => {
        vec![$(Twin(
            stringify!($name),
            |x, $a| { let _ = $a; x.$op($($arg),*) },
            |x, $a| { let _ = $a; x.$name($($arg),*) },
        )),*]
    };
}

fn index() -> Tensor {
    tensor![[0, 2, 1], [1, 1, 0], [2, 0, 2]]
}

fn mask() -> Tensor {
    tensor![true, false, true]
}

fn twins() -> Vec<Twin> {
    twins! { a;
        abs abs_(); acos acos_(); add add_(a); add add_(2); addcdiv addcdiv_(a, &(a * 2), 0.5);
        addcmul addcmul_(a, &(a + 1), 2.0); addmm addmm_(a, a, 3, 2); asin asin_(); atan atan_(); ceil ceil_();
        clamp clamp_(0.3, 0.6); clamp clamp_(a, 2); clamp_max clamp_max_(a); clamp_min clamp_min_(0.4); cos cos_();
        cosh cosh_(); cumprod cumprod_(1); cumsum cumsum_(0); div div_(a); div div_(2.0);
        div_mode div_mode_(a, RoundingMode::Floor); eq eq_(a); erf erf_(); exp exp_(); exp2 exp2_(); expm1 expm1_();
        floor floor_(); fmod fmod_(a); ge ge_(a); gt gt_(1); index_add index_add_(1, &tensor![2, 0, 2], a);
        index_put index_put_(&[Some(&tensor![0, 2])], &a.i(1), true); le le_(a); lerp lerp_(a, 0.25); log log_();
        log10 log10_(); log1p log1p_(); log2 log2_(); logical_and logical_and_(a); logical_not logical_not_();
        logical_or logical_or_(a); logical_xor logical_xor_(a); lt lt_(a); masked_fill masked_fill_(&mask(), 5);
        mul mul_(a); nan_to_num nan_to_num_(0.0, None, None); ne ne_(a); neg neg_(); pow pow_(2); pow pow_(a);
        reciprocal reciprocal_(); relu relu_(); remainder remainder_(a); round round_();
        round_decimals round_decimals_(1); rsqrt rsqrt_(); scatter scatter_(1, &tensor![[0], [2], [1]], a);
        scatter scatter_(0, &index(), 4.0); scatter_add scatter_add_(0, &index(), a); sigmoid sigmoid_(); sign sign_();
        sin sin_(); sinh sinh_(); sqrt sqrt_(); square square_(); sub sub_(a); tan tan_(); tanh tanh_(); tril tril_(-1);
        triu triu_(1); trunc trunc_(); xlogy xlogy_(a);
    }
}

/// What PyTorch has in place among the ops of the table (`hasattr(torch.Tensor, name + "_")`), but for those that change
/// a tensor's shape: ours cannot, for a tensor is shared.
const PYTORCH: &str = "abs_ acos_ add_ addcdiv_ addcmul_ asin_ atan_ ceil_ clamp_ clamp_max_ clamp_min_ cos_ cosh_ div_ \
    eq_ erf_ exp_ exp2_ expm1_ floor_ fmod_ ge_ gt_ le_ lerp_ log_ log10_ log1p_ log2_ logical_and_ logical_not_ \
    logical_or_ logical_xor_ lt_ mul_ nan_to_num_ ne_ neg_ pow_ reciprocal_ remainder_ round_ rsqrt_ sigmoid_ sign_ \
    sin_ sinh_ sqrt_ square_ sub_ tan_ tanh_ trunc_ xlogy_ masked_fill_ relu_ cumprod_ cumsum_ index_add_ scatter_ \
    scatter_add_ tril_ triu_ addmm_ index_put_";

#[test]
fn each_of_pytorch_s_is_here() {
    let ours: Vec<&str> = twins().iter().map(|twin| twin.0).collect();
    let missing: Vec<&str> = PYTORCH.split_whitespace().filter(|name| !ours.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Where an operation writes: the part of a base, and the base with that part replaced, without writing.
type Place = (&'static str, fn(&Tensor) -> Tensor, fn(&Tensor, Tensor) -> Tensor);

const PLACES: [Place; 4] = [
    ("the whole", |base| base.i((..3, ..3)).copy(), |_, part| part),
    (
        "rows",
        |base| base.i((1..4, ..3)),
        |base, part| {
            let middle = Tensor::cat(&[part, base.i((1..4, 3..))], 1);
            Tensor::cat(&[base.i(..1), middle, base.i(4..)], 0)
        },
    ),
    (
        "columns",
        |base| base.t().i((..3, 2..)),
        |base, part| {
            let columns = Tensor::cat(&[part.t(), base.i((2.., 3..))], 1);
            Tensor::cat(&[base.i(..2), columns], 0)
        },
    ),
    (
        "a view of a view",
        |base| base.reshape([25]).i(5..14).reshape([3, 3]),
        |base, part| {
            let flat = base.reshape([25]);
            Tensor::cat(&[flat.i(..5), part.reshape([9]), flat.i(14..)], 0).reshape([5, 5])
        },
    ),
];

/// The gradients of a weighted sum, zeros where nothing arrives.
fn gradients(y: &Tensor, wrt: [&Tensor; 2]) -> Vec<Vec<f64>> {
    let loss = (y * normal(5, y.shape())).sum();
    if !loss.requires_grad() {
        return wrt.map(|x| vec![0.0; x.numel()]).into();
    }
    let gradients = grad(&[&loss], &wrt, &BackwardOptions::default()).unwrap();
    gradients.iter().zip(wrt).map(|(g, x)| g.as_ref().unwrap_or(&x.zeros_like()).to_vec()).collect()
}

#[test]
fn values_and_gradients_are_those_of_the_operation_out_of_place() {
    for Twin(name, out_of_place, in_place) in twins() {
        for (place, part, replaced) in PLACES {
            let x = (positive(1, &[5, 5]) * 0.45).detach().requires_grad_();
            let a = positive(2, &[3, 3]).requires_grad_();
            let what = format!("{name}, {place}");

            let base = &x * 1.0;
            let want = replaced(&base, out_of_place(&part(&base), &a).to_dtype(DType::F64));
            let want_gradients = gradients(&want, [&x, &a]);

            let base = &x * 1.0;
            let written = part(&base);
            assert!(in_place(&written, &a).is_same(&written), "{what}");
            let got = if place == "the whole" { written } else { base };
            assert_eq!(got.to_vec::<f64>(), want.to_vec::<f64>(), "{what}");
            assert!(got.requires_grad(), "{what}");
            for (got, want) in gradients(&got, [&x, &a]).into_iter().zip(want_gradients) {
                let close = |(g, w): (&f64, &f64)| (g - w).abs() <= 1e-12 * (1.0 + w.abs());
                assert!(got.iter().zip(&want).all(close), "{what}: {got:?}, out of place {want:?}");
            }
        }
    }
}

#[test]
fn integers_take_what_fits_and_refuse_the_rest() {
    for dtype in [DType::I64, DType::U8, DType::Bool] {
        for Twin(name, out_of_place, in_place) in twins() {
            let x = (integers(1, 3, &[3, 3]) + 1).to_dtype(dtype);
            let a = (integers(2, 2, &[3, 3]) + 1).to_dtype(dtype);
            let before = x.to_dtype(DType::I64).to_vec::<i64>();
            let kind = |d: DType| if d == DType::Bool { 0 } else { 1 + usize::from(d.is_float()) };
            let want = try_call(|| out_of_place(&x, &a)).ok().filter(|y| kind(y.dtype()) <= kind(dtype));
            let got = try_call(|| in_place(&x, &a));
            assert_eq!(got.is_ok(), want.is_some(), "{name} on {dtype}: {got:?}, out of place {want:?}");
            let after = want.map_or(before, |y| y.to_dtype(dtype).to_dtype(DType::I64).to_vec());
            assert_eq!(x.to_dtype(DType::I64).to_vec::<i64>(), after, "{name} on {dtype}");
        }
    }
}

#[test]
fn leaves_and_expanded_tensors_are_protected_from_each() {
    let a = positive(2, &[3, 3]);
    for Twin(name, _, in_place) in twins() {
        let leaf = positive(1, &[3, 3]).requires_grad_();
        let error = try_call(|| in_place(&leaf, &a)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{name}: a leaf")) && error.contains("no_grad"), "{error}");
        no_grad(|| in_place(&leaf, &a));
        assert!(leaf.is_leaf() && leaf.version() > 0, "{name}");
        let expanded = Tensor::ones([3, 1]).to_dtype(DType::F64).expand([3, 3]);
        let error = try_call(|| in_place(&expanded, &a)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{name}: ")) && error.contains("copy()"), "{error}");
    }
}

/// A random write.
type Fill = fn(&Tensor) -> Tensor;

#[test]
fn random_fills_have_their_distributions_and_zero_gradients() {
    let fills: [(&str, Fill, f64, f64); 5] = [
        ("uniform_", |x| x.uniform_(2.0, 4.0), 3.0, 1.0 / 3.0),
        ("normal_", |x| x.normal_(-1.0, 2.0), -1.0, 4.0),
        ("bernoulli_", |x| x.bernoulli_(0.3), 0.3, 0.21),
        ("bernoulli_ of a tensor", |x| x.bernoulli_(tensor![0.5]), 0.5, 0.25),
        ("random_", |x| x.random_(-2, 3), 0.0, 2.0),
    ];
    for (name, fill, mean, variance) in fills {
        let x = Tensor::zeros([100, 200]).requires_grad_();
        let y = &x * 1.0;
        assert!(fill(&y.t()).shape() == [200, 100]);
        let n = y.numel() as f64;
        let (m, v) = (y.mean().item::<f64>(), y.var().item::<f64>());
        // Five standard errors, for the variance those of a normal distribution, the widest here.
        assert!((m - mean).abs() < 5.0 * (variance / n).sqrt(), "{name}: mean {m}");
        assert!((v - variance).abs() < 5.0 * variance * (2.0 / n).sqrt(), "{name}: variance {v}");
        y.sum().backward();
        assert!(x.grad().unwrap().to_vec::<f32>().iter().all(|&g| g == 0.0), "{name}");
    }
    // Integers and bools take whole numbers.
    for dtype in [DType::I64, DType::U8, DType::Bool, DType::F64] {
        let x = Tensor::zeros([1000]).to_dtype(dtype);
        let count = |x: &Tensor, n: i64| x.eq(n).to_dtype(DType::I64).sum().item::<i64>();
        x.bernoulli_(0.5);
        assert!((400..600).contains(&count(&x, 1)) && count(&x, 0) + count(&x, 1) == 1000);
        x.random_(0, 2);
        assert!((400..600).contains(&count(&x, 1)) && count(&x, 0) + count(&x, 1) == 1000);
    }
    let error = |f: fn() -> Tensor| try_call(f).unwrap_err().to_string();
    assert!(error(|| tensor![1u8].random_(0, 300)).contains("from 0 to 255"));
    assert!(error(|| tensor![1].random_(3, 3)).starts_with("random_: no integer"));
    assert!(error(|| tensor![1].uniform_(0.0, 1.0)).contains("torch.int64"));
    assert!(error(|| tensor![1.0].bernoulli_(1.5)).contains("1.5"));
    assert!(error(|| tensor![1.0].requires_grad_().random_(0, 2)).contains("no_grad"));
}

#[test]
fn constants_written_over_a_tensor_leave_it_in_the_graph() {
    let x = tensor![1.0, 2.0].requires_grad_();
    for write in [|y: &Tensor| y.zero_(), |y: &Tensor| y.fill_(3.0), |y: &Tensor| y.copy_(&tensor![5.0])] {
        let y = &x * 1.0;
        write(&y);
        assert!(y.requires_grad());
        x.zero_grad();
        y.sum().backward();
        assert_eq!(x.grad().unwrap().to_vec::<f32>(), [0.0, 0.0]);
    }
}
