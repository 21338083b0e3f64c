//! Hooks, paths and onlookers.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use flambeau_nn::{Forward, Hooks, Identity, Linear, Module, ReLU, Sequential, trace};
use flambeau_tensor::Tensor;

type Log = Arc<Mutex<Vec<String>>>;

fn log() -> (Log, impl Fn(String) + Clone + Send + Sync + 'static) {
    let log = Log::default();
    let into = log.clone();
    (log, move |line| into.lock().unwrap().push(line))
}

fn taken(log: &Log) -> Vec<String> {
    std::mem::take(&mut log.lock().unwrap())
}

fn tensor(values: &[f32]) -> Tensor {
    Tensor::from_vec(values.to_vec(), [values.len()])
}

#[derive(Module)]
#[module(crate = flambeau_nn)]
struct Net {
    body: Sequential,
    head: Linear,
}

impl Forward for Net {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.head.call(&self.body.call(x))
    }
}

fn net() -> Net {
    Net { body: Sequential::new((Linear::new(4, 3), ReLU::default())), head: Linear::new(3, 2) }
}

#[test]
fn hooks_see_input_output_and_path() {
    let (net, (log, write)) = (net(), log());
    let relu = net.body.get(1).unwrap();
    let hook = relu.register_forward_hook(move |context, input: &Tensor, output: &Tensor| {
        assert!(context.module.is::<ReLU>());
        write(format!("{} {:?} {:?}", context.path, input.shape(), output.shape()));
        None
    });
    net.call(&Tensor::ones([5, 4]));
    assert_eq!(taken(&log), ["body.1 [5, 3] [5, 3]"]);
    // The outermost call gives the path its start.
    net.body.call(&Tensor::ones([5, 4]));
    assert_eq!(taken(&log), ["1 [5, 3] [5, 3]"]);
    net.forward(&Tensor::ones([5, 4]));
    assert_eq!(taken(&log), ["1 [5, 3] [5, 3]"]);
    drop(hook);
    net.call(&Tensor::ones([5, 4]));
    assert_eq!(taken(&log), [""; 0]);
}

#[test]
fn hooks_replace_what_they_return_and_run_in_order() {
    let layer = Identity::default();
    let (log, write) = log();
    let write = &write;
    let pre = |name: &'static str, value: Option<f32>| {
        let write = write.clone();
        layer.register_forward_pre_hook(move |_, input: &Tensor| {
            write(format!("{name} {:?}", input.to_vec::<f32>()));
            value.map(|value| tensor(&[value]))
        })
    };
    let post = |name: &'static str, value: Option<f32>| {
        let write = write.clone();
        layer.register_forward_hook(move |_, input: &Tensor, output: &Tensor| {
            write(format!("{name} {:?} {:?}", input.to_vec::<f32>(), output.to_vec::<f32>()));
            value.map(|value| tensor(&[value]))
        })
    };
    let handles =
        [post("post 1", Some(3.0)), pre("pre 1", Some(2.0)), pre("pre 2", None), post("post 2", None)];
    assert_eq!(layer.call(&tensor(&[1.0])).to_vec::<f32>(), [3.0]);
    assert_eq!(taken(&log), ["pre 1 [1.0]", "pre 2 [2.0]", "post 1 [2.0] [2.0]", "post 2 [2.0] [3.0]"]);
    let [first, _second, _third, _fourth] = handles;
    first.remove();
    assert_eq!(layer.call(&tensor(&[1.0])).to_vec::<f32>(), [2.0]);
    assert_eq!(taken(&log), ["pre 1 [1.0]", "pre 2 [2.0]", "post 2 [2.0] [2.0]"]);
}

#[test]
fn a_hook_is_on_one_module_alone() {
    #[derive(Module)]
    #[module(crate = flambeau_nn)]
    struct Wrapper {
        // At the wrapper's own address.
        inner: Inner,
    }
    #[derive(Module)]
    #[module(crate = flambeau_nn)]
    struct Inner {
        first: ReLU,
        second: ReLU,
    }
    impl Forward for Inner {
        fn forward(&self, x: &Tensor) -> Tensor {
            self.second.call(&self.first.call(x))
        }
    }
    impl Forward for Wrapper {
        fn forward(&self, x: &Tensor) -> Tensor {
            self.inner.call(x)
        }
    }
    let wrapper = Wrapper { inner: Inner { first: ReLU::default(), second: ReLU::default() } };
    let (log, write) = log();
    let _hook = wrapper.inner.second.register_forward_hook(move |context, _: &Tensor, _: &Tensor| {
        write(context.path.to_owned());
        None
    });
    wrapper.call(&tensor(&[1.0]));
    ReLU::default().call(&tensor(&[1.0]));
    assert_eq!(taken(&log), ["inner.second"]);
}

#[test]
fn hooks_follow_pointers_and_threads() {
    let layer = Arc::new(Linear::new(2, 2));
    let (log, write) = log();
    let hook = layer.register_forward_hook(move |context, _: &Tensor, _: &Tensor| {
        write(context.path.to_owned());
        None
    });
    let model = Sequential::new((Box::new(layer.clone()), ReLU::default(), layer.clone()));
    model.call(&tensor(&[1.0, 2.0]));
    assert_eq!(taken(&log), ["0", "0"], "a shared module goes by its first path");
    std::thread::scope(|scope| {
        scope.spawn(|| layer.call(&tensor(&[1.0, 2.0])));
    });
    assert_eq!(taken(&log), [""]);
    drop(hook);
}

#[derive(Module)]
#[module(crate = flambeau_nn)]
struct Add {
    // Nothing to keep, but a place of its own.
    count: usize,
}

impl Forward<(Tensor, Tensor), Vec<Tensor>> for Add {
    fn forward(&self, (a, b): &(Tensor, Tensor)) -> Vec<Tensor> {
        vec![a.clone(), b.clone()]
    }
}

impl Forward for Add {
    fn forward(&self, x: &Tensor) -> Tensor {
        x.clone()
    }
}

#[test]
fn hooks_tell_the_types_of_calls_apart() {
    let add = Add { count: 2 };
    let (log, write) = log();
    let _hook = add.register_forward_hook(move |_, (a, _): &(Tensor, Tensor), output: &Vec<Tensor>| {
        write(format!("{:?} {}", a.shape(), output.len()));
        None
    });
    let one: Tensor = add.call(&tensor(&[1.0]));
    assert_eq!(taken(&log), [""; 0]);
    assert_eq!(add.call(&(one.clone(), one)).len(), add.count);
    assert_eq!(taken(&log), ["[1] 2"]);
}

#[test]
fn a_hook_may_call_its_module_and_hang_on_hooks() {
    let layer = Arc::new(Identity::default());
    let (log, write) = log();
    let inner = layer.clone();
    let hook = layer.register_forward_hook(move |_, input: &Tensor, _: &Tensor| {
        let value = input.to_vec::<f32>()[0];
        write(format!("{value}"));
        (value > 0.0).then(|| {
            let _nested = inner.register_forward_pre_hook(|_, _: &Tensor| None);
            inner.call(&tensor(&[value - 1.0]))
        })
    });
    assert_eq!(layer.call(&tensor(&[2.0])).to_vec::<f32>(), [0.0]);
    assert_eq!(taken(&log), ["2", "1", "0"]);
    drop(hook);
}

#[derive(Module)]
#[module(crate = flambeau_nn)]
struct Fails {
    depth: usize,
}

impl Forward for Fails {
    fn forward(&self, _: &Tensor) -> Tensor {
        panic!("at {:?}", trace::current_module_path())
    }
}

#[test]
fn the_path_is_known_while_someone_looks_on_and_survives_a_panic() {
    let model = Sequential::new((Identity::default(), Sequential::new((Fails { depth: 1 },))));
    assert_eq!(trace::current_module_path(), None);
    let message =
        |payload: Box<dyn Any + Send>| payload.downcast_ref::<String>().cloned().unwrap_or_default();
    let watch = trace::observe(|_| {});
    let failed = catch_unwind(AssertUnwindSafe(|| model.call(&tensor(&[1.0])))).map(drop);
    assert_eq!(failed.map_err(message), Err("at Some(\"1.0\")".to_owned()));
    assert_eq!(trace::current_module_path(), None);
    drop(watch);
}

#[test]
fn observers_see_begin_and_end_of_each_call() {
    #[derive(Module)]
    #[module(crate = flambeau_nn)]
    struct Hidden {
        known: Identity,
        #[module(skip)]
        unknown: ReLU,
    }
    impl Forward for Hidden {
        fn forward(&self, x: &Tensor) -> Tensor {
            self.unknown.call(&self.known.call(x))
        }
    }
    let lines = Rc::new(RefCell::new(Vec::new()));
    let into = lines.clone();
    let watch = trace::observe(move |call| {
        let end = if call.output.is_some() { "/" } else { "" };
        let shape = call.input.downcast_ref::<Tensor>().map(|input| input.shape().to_vec());
        into.borrow_mut().push(format!(
            "{}{end}{}:{} {shape:?}",
            call.depth,
            call.path,
            call.module.type_name()
        ));
        // Not shown to itself.
        ReLU::default().call(&tensor(&[1.0]));
    });
    let model = Hidden { known: Identity::default(), unknown: ReLU::default() };
    model.call(&tensor(&[1.0]));
    let expected = [
        "0:Hidden Some([1])",
        "1known:Identity Some([1])",
        "1/known:Identity Some([1])",
        "1<ReLU>:ReLU Some([1])",
        "1/<ReLU>:ReLU Some([1])",
        "0/:Hidden Some([1])",
    ];
    assert_eq!(lines.take(), expected);
    drop(watch);
    model.call(&tensor(&[1.0]));
    assert_eq!(lines.take(), [""; 0]);
}

type Seen = Arc<Mutex<Vec<(String, Vec<Option<Vec<f32>>>, Vec<Option<Vec<f32>>>)>>>;

fn values(grads: &[Option<Tensor>]) -> Vec<Option<Vec<f32>>> {
    grads.iter().map(|grad| grad.as_ref().map(|grad| grad.to_vec())).collect()
}

#[test]
fn backward_hooks_see_and_replace_gradients() {
    let linear = Linear::new(2, 1).bias(false);
    flambeau_tensor::no_grad(|| linear.weight.copy_(&tensor(&[2.0, 3.0])));
    let seen = Seen::default();
    let log = seen.clone();
    let first = linear.register_full_backward_hook(move |path, grad_input, grad_output| {
        log.lock().unwrap().push((path.to_owned(), values(grad_input), values(grad_output)));
        Some(grad_input.iter().map(|grad| grad.as_ref().map(|grad| grad * 10.0)).collect())
    });
    let second = linear.register_full_backward_hook(|_, grad_input, _| {
        assert_eq!(values(grad_input), [Some(vec![80.0, 120.0])]);
        None
    });
    let x = tensor(&[1.0, 1.0]).requires_grad_();
    (linear.call(&x) * 4.0).sum().backward();
    let expected = (String::new(), vec![Some(vec![8.0, 12.0])], vec![Some(vec![4.0])]);
    assert_eq!(*seen.lock().unwrap(), [expected]);
    // Its own gradients are as ever; those of the input are the replaced ones.
    assert_eq!(linear.weight.grad().unwrap().to_vec::<f32>(), [4.0, 4.0]);
    assert_eq!(x.grad().unwrap().to_vec::<f32>(), [80.0, 120.0]);

    // An input without gradient, then a call without a graph.
    second.remove();
    linear.call(&tensor(&[1.0, 1.0])).sum().backward();
    assert_eq!(seen.lock().unwrap()[1].1, [None]);
    flambeau_tensor::no_grad(|| linear.call(&x));
    first.remove();
    linear.call(&x).sum().backward();
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[test]
fn backward_hooks_see_all_tensors_of_a_call_at_once() {
    #[derive(Module)]
    #[module(crate = flambeau_nn)]
    struct Pair {
        unused: Linear,
    }
    impl Forward<(Tensor, Tensor, Tensor), (Tensor, Vec<Tensor>)> for Pair {
        fn forward(&self, (a, b, c): &(Tensor, Tensor, Tensor)) -> (Tensor, Vec<Tensor>) {
            (a * b, vec![b + c, b * 2.0])
        }
    }
    let pair = Pair { unused: Linear::new(1, 1) };
    let seen = Seen::default();
    let log = seen.clone();
    let hook = pair.register_full_backward_hook(move |path, grad_input, grad_output| {
        log.lock().unwrap().push((path.to_owned(), values(grad_input), values(grad_output)));
        None
    });
    let [a, b] = [2.0, 3.0].map(|value| tensor(&[value]).requires_grad_());
    let (product, sums) = pair.call(&(a.clone(), b.clone(), tensor(&[1.0])));
    (product + &sums[0]).sum().backward();
    let one = || Some(vec![1.0]);
    let expected = (String::new(), vec![Some(vec![3.0]), Some(vec![3.0]), None], vec![one(), one(), None]);
    assert_eq!(*seen.lock().unwrap(), [expected]);
    assert_eq!(b.grad().unwrap().to_vec::<f32>(), [3.0]);
    drop(hook);
    let _ = &pair.unused;
}
