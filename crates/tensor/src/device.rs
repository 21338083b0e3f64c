//! Where tensors live.

/// A device that tensors live on. A GPU arm is to come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Device {
    /// The processor and its memory.
    #[default]
    Cpu,
}

impl Device {
    /// The fastest device that this build can use; the processor today.
    ///
    /// ```
    /// use flambeau_tensor::{Device, Tensor};
    /// let x = Tensor::ones([2, 3]).to_device(Device::best());
    /// ```
    pub fn best() -> Device {
        Device::Cpu
    }
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Device::Cpu => "cpu",
        })
    }
}
