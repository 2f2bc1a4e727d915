using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>
/// PyTorch's CPU random number generator: the same seed gives the same bits.
/// </summary>
/// <remarks>
/// <para>
/// The engine is the 32-bit Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998), seeded as <c>torch.manual_seed</c> does:
/// with the low 32 bits of the seed. A 64-bit draw is two 32-bit draws, the first of them the high word.
/// </para>
/// <para>
/// Values are drawn in row-major order, element after element, as PyTorch fills a contiguous tensor.
/// </para>
/// </remarks>
/// <threadsafety>Each fill takes a lock, so a generator may be shared; the order in which threads draw is theirs.</threadsafety>
public sealed class Generator
{
    // MathNet's MersenneTwister is the same engine, but hides both its raw 32-bit draws and its state.
    private const int Size = 624, Shift = 397;
    private const long DefaultSeed = 67280421310721;   // what PyTorch's default generator holds before any manual_seed

    private readonly Lock _lock = new();
    private readonly uint[] _state = new uint[Size];
    private int _next;

    /// <summary>Creates a generator that draws what PyTorch draws after <c>torch.manual_seed(seed)</c>.</summary>
    /// <param name="seed">Any value. Two seeds with the same low 32 bits give the same numbers.</param>
    public Generator(long seed) => ManualSeed(seed);

    /// <summary>The generator used where none is given. It starts from the same fixed seed in every process.</summary>
    public static Generator Default { get; } = new(DefaultSeed);

    /// <summary>The seed this generator was last started from.</summary>
    public long Seed { get; private set; }

    /// <summary>Starts again from <paramref name="seed"/>, as <c>torch.manual_seed</c> does.</summary>
    /// <param name="seed">Any value. Two seeds with the same low 32 bits give the same numbers.</param>
    public void ManualSeed(long seed)
    {
        lock (_lock)
        {
            Seed = seed;
            _state[0] = unchecked((uint)seed);
            for (int i = 1; i < Size; i++)
                _state[i] = unchecked(1812433253u * (_state[i - 1] ^ (_state[i - 1] >> 30)) + (uint)i);
            _next = 0;
        }
    }

    /// <summary>
    /// Fills a span with values uniform in [from, to), as <c>Tensor.uniform_</c>: one draw of 32 bits for a float
    /// (its low 24 are used), of 64 for a double (its low 53).
    /// </summary>
    /// <param name="destination">The span to fill.</param>
    /// <param name="from">The lower bound.</param>
    /// <param name="to">The upper bound, not below <paramref name="from"/>.</param>
    /// <exception cref="ArgumentException">A bound, or their distance, is not a finite <typeparamref name="T"/>, or they are in the wrong order.</exception>
    public void Uniform<T>(Span<T> destination, double from = 0, double to = 1) where T : unmanaged, IFloatingPointIeee754<T>
    {
        T low = T.CreateTruncating(from), range = T.CreateTruncating(to) - low;
        if (!(from <= to) || !T.IsFinite(low) || !T.IsFinite(range))
            throw new ArgumentException($"Uniform expects finite bounds, from <= to, but from is {from} and to is {to}.", nameof(from));
        lock (_lock)
        {
            // The scaling is rounded once: PyTorch's compiler fuses the product and the sum.
            for (int i = 0; i < destination.Length; i++)
                destination[i] = T.FusedMultiplyAdd(Unit<T>(), range, low);
        }
    }

    /// <summary>Fills a matrix, row after row, with values uniform in [from, to): the values the tensor of its shape gets in PyTorch.</summary>
    /// <inheritdoc cref="Uniform{T}(Span{T}, double, double)"/>
    public void Uniform<T>(Matrix<T> destination, double from = 0, double to = 1) where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(destination);
        var rowMajor = new T[destination.RowCount * destination.ColumnCount];
        Uniform<T>(rowMajor, from, to);
        for (int i = 0, k = 0; i < destination.RowCount; i++)
            for (int j = 0; j < destination.ColumnCount; j++)
                destination.At(i, j, rowMajor[k++]);
    }

    internal uint NextUInt32()
    {
        if (_next is 0 or Size) Refill();
        uint y = _state[_next++];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c5680;
        y ^= (y << 15) & 0xefc60000;
        return y ^ (y >> 18);
    }

    internal ulong NextUInt64()
    {
        ulong high = NextUInt32();
        return high << 32 | NextUInt32();
    }

    // Uniform in [0, 1), with as many random bits as T's significand has.
    private T Unit<T>() where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (typeof(T) == typeof(double)) return T.CreateTruncating((long)(NextUInt64() & ((1L << 53) - 1)) * (1.0 / (1L << 53)));
        if (typeof(T) == typeof(float)) return T.CreateTruncating((int)(NextUInt32() & ((1 << 24) - 1)) * (1f / (1 << 24)));
        throw new NotSupportedException($"Backprop computes in float and double, not in {typeof(T)}.");
    }

    private void Refill()
    {
        for (int i = 0; i < Size; i++)
        {
            uint y = (_state[i] & 0x80000000) | (_state[(i + 1) % Size] & 0x7fffffff);
            _state[i] = _state[(i + Shift) % Size] ^ (y >> 1) ^ ((y & 1) * 0x9908b0df);
        }
        _next = 0;
    }
}
