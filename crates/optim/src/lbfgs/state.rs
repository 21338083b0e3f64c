//! What [`LBFGS`](super::LBFGS) knows between steps, and its form in a `state_dict`.

use crate::state::ParamState;
use flambeau_tensor::{DType, Tensor, no_grad};
use std::collections::VecDeque;

/// What is known from the iterations so far. All vectors run over all parameters.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) func_evals: u64,
    pub(super) n_iter: u64,
    /// The last direction and step length.
    pub(super) d: Option<Tensor>,
    pub(super) t: f64,
    /// Changes of the gradient y, steps s, and 1 / sᵀy.
    pub(super) old_dirs: VecDeque<Tensor>,
    pub(super) old_stps: VecDeque<Tensor>,
    pub(super) ro: VecDeque<f64>,
    pub(super) h_diag: f64,
    pub(super) prev_flat_grad: Option<Tensor>,
    pub(super) prev_loss: f64,
}

impl State {
    /// Follows the parameters to another dtype.
    pub(super) fn to_dtype_(&self, dtype: DType) {
        let vectors = self.d.iter().chain(&self.prev_flat_grad).chain(&self.old_dirs).chain(&self.old_stps);
        vectors.for_each(|vector| drop(vector.to_dtype_(dtype)));
    }

    /// PyTorch's names; of lists, the number of the entry follows after a dot.
    pub(super) fn save(&self) -> ParamState {
        let mut saved = ParamState::new();
        let mut put = |name: String, tensor: Tensor| drop(saved.insert(name, tensor));
        put("func_evals".into(), Tensor::scalar(self.func_evals as i64));
        put("n_iter".into(), Tensor::scalar(self.n_iter as i64));
        for (name, number) in [("t", self.t), ("H_diag", self.h_diag), ("prev_loss", self.prev_loss)] {
            put(name.into(), Tensor::scalar(number));
        }
        for (name, vector) in [("d", &self.d), ("prev_flat_grad", &self.prev_flat_grad)] {
            if let Some(vector) = vector {
                put(name.into(), vector.clone());
            }
        }
        for (i, ((y, s), ro)) in self.old_dirs.iter().zip(&self.old_stps).zip(&self.ro).enumerate() {
            put(format!("old_dirs.{i}"), y.clone());
            put(format!("old_stps.{i}"), s.clone());
            put(format!("ro.{i}"), Tensor::scalar(*ro));
        }
        saved
    }

    pub(super) fn load(saved: &ParamState, params: &[Tensor]) -> Result<State, String> {
        let numel: usize = params.iter().map(Tensor::numel).sum();
        let get = |name: &str| saved.get(name).ok_or_else(|| format!("the state lacks {name:?}"));
        let number = |name: &str| match get(name)? {
            tensor if tensor.numel() == 1 => Ok(tensor.item::<f64>()),
            _ => Err(format!("{name:?} is no single number")),
        };
        let vector = |name: &str| match get(name)? {
            tensor if tensor.shape() == [numel] => {
                Ok(no_grad(|| tensor.detach().to_dtype(params[0].dtype()).copy()))
            }
            tensor => {
                Err(format!("{name:?} has shape {:?}; the parameters have {numel} elements", tensor.shape()))
            }
        };
        let optional = |name: &str| saved.contains_key(name).then(|| vector(name)).transpose();
        let mut state = State {
            func_evals: number("func_evals")?.max(0.0) as u64,
            n_iter: number("n_iter")?.max(0.0) as u64,
            d: optional("d")?,
            t: number("t")?,
            h_diag: number("H_diag")?,
            prev_flat_grad: optional("prev_flat_grad")?,
            prev_loss: number("prev_loss")?,
            ..State::default()
        };
        for i in (0..).take_while(|i| saved.contains_key(&format!("ro.{i}"))) {
            state.old_dirs.push_back(vector(&format!("old_dirs.{i}"))?);
            state.old_stps.push_back(vector(&format!("old_stps.{i}"))?);
            state.ro.push_back(number(&format!("ro.{i}"))?);
        }
        Ok(state)
    }
}
