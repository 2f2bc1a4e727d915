namespace Backprop;

/// <summary>What an <see cref="RNN{T}"/> makes of its sum.</summary>
public enum RecurrentNonlinearity
{
    /// <summary>tanh(a).</summary>
    Tanh,

    /// <summary>max(a, 0).</summary>
    ReLU,
}
