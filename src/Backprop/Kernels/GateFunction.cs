namespace Backprop.Kernels;

/// <summary>What becomes of a recurrent layer's gate by itself.</summary>
internal enum GateFunction
{
    /// <summary>Nothing: the cell's formula has it as it came.</summary>
    None,

    /// <summary>1 / (1 + e^-a).</summary>
    Sigmoid,

    /// <summary>tanh(a).</summary>
    Tanh,
}
