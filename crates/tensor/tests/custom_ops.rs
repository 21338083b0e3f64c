//! Operations that a user defines, with nothing but the public interface: one pointwise, one with a loop of its own and
//! two results.

use flambeau_tensor::autograd::{Context, Gradients, checkpoint};
use flambeau_tensor::testing::{gradcheck, normal, positive};
use flambeau_tensor::{
    DType, Element, Error, Fresh, Mask, Num, Op, Output, Pointwise, Reads, Result, Saves, Tensor, apply,
    pointwise, tensor, try_apply, try_call, try_pointwise,
};

/// x / (y + |x|), of two operands that broadcast.
#[derive(Clone, Copy)]
struct Squash;

impl Pointwise<2> for Squash {
    const NAME: &'static str = "squash";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x, y]: [E; 2]) -> E {
        x / (y + x.abs())
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x, y]: [E; 2], _: E) -> [E; 2] {
        let d = y + x.abs();
        [g * y / (d * d), -(g * x / (d * d))]
    }
}

#[test]
fn a_pointwise_op_broadcasts_promotes_and_has_gradients() {
    let y = pointwise(Squash, [&tensor![[1.0], [-3.0]], &tensor![1.0, 2.0]]);
    assert_eq!(y.to_vec::<f32>(), [0.5, 1.0 / 3.0, -0.75, -0.6]);
    assert_eq!(pointwise(Squash, [&tensor![1], &tensor![1]]).to_vec::<f32>(), [0.5]);
    let inputs = [normal(0, &[3, 4]), positive(1, &[4])];
    gradcheck(&|x| vec![pointwise(Squash, [&x[0], &x[1]])], &inputs, true).unwrap();
    gradcheck(&|x| vec![pointwise(Squash, [&x[0].t(), &x[1].i(0)])], &inputs, true).unwrap();
    let (a, b) = (Tensor::ones([2]), Tensor::ones([3]));
    let error = try_pointwise(Squash, [&a, &b]).unwrap_err().to_string();
    assert!(error.starts_with("squash: shapes [[2], [3]] do not broadcast"), "{error}");
    assert_eq!(try_call(|| pointwise(Squash, [&a, &b])).unwrap_err().to_string(), error);
}

/// The mean and the variance of each row, in one pass over memory.
struct Moments;

impl Op for Moments {
    fn name(&self) -> &'static str {
        "moments"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        let (shape, dtype) = (x[0].shape(), x[0].dtype());
        match *shape {
            [rows, columns] if dtype.is_float() && columns > 0 => {
                Ok(Output::Many(vec![([rows].into(), dtype), ([rows].into(), dtype)]))
            }
            _ => {
                Err(Error::op("moments", format!("of shape {shape:?} and {dtype}; it takes a float matrix")))
            }
        }
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        match x[0].dtype() {
            DType::F64 => moments::<f64>(x[0], out),
            _ => moments::<f32>(x[0], out),
        }
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::inputs([0])
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let x = ctx.input(0);
        let n = x.size(1) as f64;
        // Either result may have been used, or both.
        let mean = ctx.grad_of(0).map(|g| (g / n).unsqueeze(1).expand(x.shape()));
        let variance = ctx.grad_of(1).map(|g| (x - x.mean_dim(1, true)) * (g * (2.0 / n)).unsqueeze(1));
        Gradients::from_vec(vec![[mean, variance].into_iter().flatten().reduce(|a, b| a + b)])
    }
}

fn moments<T: Element>(x: &Tensor, out: &mut [Fresh]) {
    let x = x.contiguous();
    let (view, n) = (x.view::<T>(), x.size(1) as f64);
    for (r, row) in view.slice().chunks(x.size(1)).enumerate() {
        let (sum, squares) =
            row.iter().fold((0.0, 0.0), |(s, q), x| (s + x.to_f64(), q + x.to_f64().powi(2)));
        let mean = sum / n;
        out[0].slice::<T>()[r] = T::from_f64(mean);
        out[1].slice::<T>()[r] = T::from_f64(squares / n - mean * mean);
    }
}

#[test]
fn an_op_with_its_own_loop_has_errors_and_both_gradients() {
    let x = tensor![[1.0, 3.0], [2.0, 2.0]].requires_grad_();
    let [mean, variance] = &try_apply(Moments, &[&x]).unwrap()[..] else { panic!("two results") };
    assert_eq!((mean.to_vec::<f32>(), variance.to_vec::<f32>()), (vec![2.0, 2.0], vec![1.0, 0.0]));
    assert!(variance.requires_grad());
    variance.sum().backward();
    assert_eq!(x.grad().unwrap().to_vec::<f32>(), [-1.0, 1.0, 0.0, 0.0]);
    let both = |x: &[Tensor]| try_apply(Moments, &[&x[0].t()]).unwrap().into_vec();
    gradcheck(&both, &[normal(2, &[3, 4])], true).unwrap();
    gradcheck(&|x| both(x).split_off(1), &[normal(3, &[3, 4])], true).unwrap();
    gradcheck(&|x| vec![apply(Moments, &[&x[0]])], &[normal(4, &[1, 5])], true).unwrap();
    let error = try_call(|| apply(Moments, &[&tensor![1, 2]])).unwrap_err().to_string();
    assert_eq!(error, "moments: of shape [2] and torch.int64; it takes a float matrix");
}

#[test]
fn versions_and_checkpoints_know_a_user_s_op() {
    let x = tensor![[1.0, 3.0]].requires_grad_();
    let h = &x * 1.0;
    let mean = apply(Moments, &[&h]);
    h.add_(1.0);
    let error = try_call(|| mean.sum().backward()).unwrap_err().to_string();
    assert!(error.contains("moments") && error.contains("version 1, expected 0"), "{error}");
    checkpoint(|x| pointwise(Squash, [&x[0], &x[0]]), &[&x]).sum().backward();
    assert_eq!(x.grad().unwrap().to_vec::<f32>(), [0.0, 0.0]);
}
