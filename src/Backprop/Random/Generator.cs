using System.Buffers;
using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using Backprop.Checks;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>
/// PyTorch's CPU random number generator: the same seed gives the same numbers.
/// </summary>
/// <remarks>
/// <para>
/// The engine is the 32-bit Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998), started as <c>torch.manual_seed</c> starts it:
/// from the low 32 bits of the seed. A 64-bit draw is two 32-bit draws, the first of them the high word.
/// </para>
/// <para>
/// Values are drawn in row-major order, element after element, as PyTorch fills a contiguous tensor.
/// The bits are those of PyTorch on Linux x86-64 with AVX2 (measured: 1.13 and 2.10); the remarks of each method say where they may differ.
/// </para>
/// </remarks>
/// <example>
/// <code>
/// var generator = new Generator(seed: 42);
/// generator.Uniform(weights, -0.1, 0.1);       // torch.manual_seed(42); weights.uniform_(-0.1, 0.1)
/// int[] order = generator.Permutation(1797);   // torch.randperm(1797)
/// </code>
/// </example>
/// <threadsafety>
/// Every method takes a lock for as long as it draws, so a generator may be shared. In which order threads come to draw is not determined.
/// </threadsafety>
public sealed class Generator
{
    private readonly Lock _lock = new();
    private MersenneTwister _engine;
    private double? _normal;   // the second of a pair of normal values, kept for the next call

    /// <summary>Creates a generator that draws what PyTorch draws after <c>torch.manual_seed(seed)</c>.</summary>
    /// <param name="seed">Any value. Two seeds with the same low 32 bits give the same numbers.</param>
    public Generator(long seed)
    {
        Seed = seed;
        _engine = new(unchecked((uint)seed));
    }

    /// <summary>
    /// The generator used where none is given. In every process it starts from the same seed, the one PyTorch's own default generator has.
    /// <c>Generator.Default.ManualSeed(seed)</c> is <c>torch.manual_seed(seed)</c>.
    /// </summary>
    public static Generator Default { get; } = new(67280421310721);

    /// <summary>The seed this generator was last started from.</summary>
    public long Seed { get; private set; }

    /// <summary>Starts again from <paramref name="seed"/>, as <c>torch.manual_seed</c> does.</summary>
    /// <param name="seed">Any value. Two seeds with the same low 32 bits give the same numbers.</param>
    public void ManualSeed(long seed)
    {
        lock (_lock)
        {
            Seed = seed;
            _engine = new(unchecked((uint)seed));
            _normal = null;
        }
    }

    /// <summary>
    /// Fills a span with values uniform in [from, to), as <c>Tensor.uniform_</c>: fma(u, to - from, from), where u is made of
    /// the low 24 bits of a 32-bit draw for a float, of the low 53 bits of a 64-bit draw for a double.
    /// </summary>
    /// <remarks>
    /// The upper bound is never drawn. PyTorch's multiplication and addition may round to it, as of floats in [1, 2) one in 2^24 does; such a draw is
    /// the value next below it here. All others have PyTorch's bits.
    /// </remarks>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <param name="destination">The span to fill.</param>
    /// <param name="from">The lower bound.</param>
    /// <param name="to">The upper bound, not below <paramref name="from"/>.</param>
    /// <exception cref="ArgumentException">The bounds are in the wrong order, or one of them or their distance is not a finite <typeparamref name="T"/>.</exception>
    public void Uniform<T>(Span<T> destination, double from = 0, double to = 1) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Element.Require<T>();
        T low = Element.From<T>(from), range = Element.From<T>(to) - low;
        if (!(from <= to) || !T.IsFinite(low) || !T.IsFinite(range))
            throw new ArgumentException(Invariant($"Uniform expects finite bounds, from <= to, but from is {from} and to is {to}."), nameof(from));
        T end = range > T.Zero ? Element.From<T>(to) : T.PositiveInfinity, last = T.BitDecrement(end);
        lock (_lock)
        {
            for (int i = 0; i < destination.Length; i++)
            {
                var value = T.FusedMultiplyAdd(NextUnit<T>(), range, low);
                destination[i] = value < end ? value : last;
            }
        }
    }

    /// <summary>Fills a dense matrix, row after row, with values uniform in [from, to).</summary>
    /// <inheritdoc cref="Uniform{T}(Span{T}, double, double)"/>
    public void Uniform<T>(Matrix<T> destination, double from = 0, double to = 1) where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var rows = new RowBuffer<T>(destination);
        Uniform(rows.Values, from, to);
        rows.Store();
    }

    /// <summary>
    /// Fills a span with normally distributed values, as <c>Tensor.normal_</c>, by the Box-Muller transform.
    /// </summary>
    /// <remarks>
    /// From 16 values on, all of them are drawn uniform first and then transformed in blocks of 16; if the length is no multiple of 16,
    /// the last 16 are drawn anew. Shorter spans draw pairs of doubles, for float too, and an odd one is kept for the next short span.
    /// <para>
    /// Float values have PyTorch's bits. Double values from 16 on have them where .NET and PyTorch use the same C library, as on Linux;
    /// elsewhere its logarithm, sine and cosine may differ in the last place. Of a shorter span's doubles one in 30 differs, by at most
    /// 2 units in the last place before scaling: PyTorch takes the C library's <c>log1p</c>, which .NET lacks.
    /// </para>
    /// </remarks>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <param name="destination">The span to fill.</param>
    /// <param name="mean">The mean.</param>
    /// <param name="std">The standard deviation, not negative.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="std"/> is negative or NaN.</exception>
    public void Normal<T>(Span<T> destination, double mean = 0, double std = 1) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Element.Require<T>();
        if (!(std >= 0))
            throw new ArgumentOutOfRangeException(nameof(std), Invariant($"Normal expects a standard deviation of at least 0, but std is {std}."));
        lock (_lock)
        {
            if (destination.Length < BoxMuller.BlockSize)
            {
                for (int i = 0; i < destination.Length; i++)
                    destination[i] = T.CreateTruncating(Math.FusedMultiplyAdd(NextNormal(), std, mean));
                return;
            }
            Fill(destination);
            for (var rest = destination; rest.Length >= BoxMuller.BlockSize; rest = rest[BoxMuller.BlockSize..])
                Transform(rest[..BoxMuller.BlockSize], mean, std);
            if (destination.Length % BoxMuller.BlockSize != 0)
            {
                Fill(destination[^BoxMuller.BlockSize..]);
                Transform(destination[^BoxMuller.BlockSize..], mean, std);
            }
        }

        void Fill(Span<T> values)
        {
            for (int i = 0; i < values.Length; i++)
                values[i] = NextUnit<T>();
        }

        static void Transform(Span<T> block, double mean, double std)
        {
            if (typeof(T) == typeof(float)) BoxMuller.Transform(MemoryMarshal.Cast<T, float>(block), (float)mean, (float)std);
            else BoxMuller.Transform(MemoryMarshal.Cast<T, double>(block), mean, std);
        }
    }

    /// <summary>Fills a dense matrix, row after row, with normally distributed values.</summary>
    /// <inheritdoc cref="Normal{T}(Span{T}, double, double)"/>
    public void Normal<T>(Matrix<T> destination, double mean = 0, double std = 1) where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var rows = new RowBuffer<T>(destination);
        Normal(rows.Values, mean, std);
        rows.Store();
    }

    /// <summary>
    /// Fills a span with ones, each with probability <paramref name="p"/>, and zeros, as <c>Tensor.bernoulli_</c>: 1 where u &lt; p,
    /// with a 64-bit draw for u, for float too.
    /// </summary>
    /// <remarks>
    /// PyTorch itself has two rules: on an Intel processor a build with Intel's MKL takes one draw as the seed of a generator of MKL.
    /// This is the other rule, that of AMD and ARM processors and of builds without MKL.
    /// </remarks>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <param name="destination">The span to fill.</param>
    /// <param name="p">The probability of a one, in [0, 1].</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="p"/> is not in [0, 1].</exception>
    public void Bernoulli<T>(Span<T> destination, double p) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Element.Require<T>();
        if (!(p >= 0 && p <= 1))
            throw new ArgumentOutOfRangeException(nameof(p), Invariant($"Bernoulli expects a probability in [0, 1], but p is {p}."));
        lock (_lock)
        {
            for (int i = 0; i < destination.Length; i++)
                destination[i] = T.CreateTruncating(NextUnit<double>() < p ? 1 : 0);   // an integer first: a branch here is mispredicted
        }
    }

    /// <summary>Fills a dense matrix, row after row, with ones, each with probability <paramref name="p"/>, and zeros.</summary>
    /// <inheritdoc cref="Bernoulli{T}(Span{T}, double)"/>
    public void Bernoulli<T>(Matrix<T> destination, double p) where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var rows = new RowBuffer<T>(destination);
        Bernoulli(rows.Values, p);
        rows.Store();
    }

    /// <summary>Fills a span with exponentially distributed values, as <c>Tensor.exponential_</c>: -log(1 - u) / rate, with a 64-bit draw for u, for float too.</summary>
    /// <remarks>PyTorch itself has two rules: a build with Intel's MKL takes one draw as the seed of a generator of MKL. This is the other rule, that of builds without MKL.</remarks>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <param name="destination">The span to fill.</param>
    /// <param name="rate">The rate, above 0; the mean is 1 / rate.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="rate"/> is not finite and above 0.</exception>
    public void Exponential<T>(Span<T> destination, double rate = 1) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Element.Require<T>();
        Expect.AboveZero(nameof(Exponential), rate);
        lock (_lock)
        {
            // 1 - u is exact, so the logarithm loses nothing near 0.
            for (int i = 0; i < destination.Length; i++)
                destination[i] = T.CreateTruncating(-1 / rate * Math.Log(1 - NextUnit<double>()));
        }
    }

    /// <summary>Chooses one of several by their probabilities, as <c>torch.multinomial(p, 1)</c>: that for which p / q is greatest, where a q for each is drawn by <see cref="Exponential{T}(Span{T}, double)"/>.</summary>
    /// <remarks>Why that is right: of waiting times with the rates p, the least belongs to i with probability p[i] / the sum of p. So p need not add up to 1.</remarks>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <param name="probabilities">p, at least 0 and finite; one of them above 0.</param>
    /// <returns>Which one, from 0.</returns>
    /// <exception cref="ArgumentException">A probability is negative or not finite, or none is above 0. Nothing is drawn.</exception>
    public int Multinomial<T>(ReadOnlySpan<T> probabilities) where T : unmanaged, IFloatingPointIeee754<T>
    {
        bool any = false;
        for (int i = 0; i < probabilities.Length; i++)
        {
            any |= probabilities[i] > T.Zero;
            if (!(probabilities[i] >= T.Zero) || !T.IsFinite(probabilities[i]))
                throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"Multinomial expects probabilities that are finite and at least 0, but the one of {i} is {probabilities[i]}."), nameof(probabilities));
        }

        if (!any) throw new ArgumentException($"Multinomial expects a probability above 0, but there is none.", nameof(probabilities));
        T[] waits = ArrayPool<T>.Shared.Rent(probabilities.Length);
        Exponential(waits.AsSpan(0, probabilities.Length));
        int chosen = -1;
        T greatest = T.NegativeInfinity;
        for (int i = 0; i < probabilities.Length; i++)
        {
            if (probabilities[i] > T.Zero && probabilities[i] / waits[i] is var share && share > greatest) (chosen, greatest) = (i, share);
        }

        ArrayPool<T>.Shared.Return(waits);
        return chosen;
    }

    /// <summary>A random order of the numbers 0 to n - 1, as <c>torch.randperm(n)</c>.</summary>
    /// <param name="n">How many numbers, at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="n"/> is negative.</exception>
    public int[] Permutation(int n)
    {
        if (n < 0)
            throw new ArgumentOutOfRangeException(nameof(n), Invariant($"Permutation expects n to be at least 0, but it is {n}."));
        var order = new int[n];
        Permutation(order);
        return order;
    }

    /// <summary>Fills a span with a random order of the numbers from 0 to its length - 1, as <c>torch.randperm</c>.</summary>
    /// <param name="destination">The span to fill.</param>
    public void Permutation(Span<int> destination)
    {
        int n = destination.Length;
        lock (_lock)
        {
            if (n < uint.MaxValue / 20)
            {
                for (int i = 0; i < n; i++)
                    destination[i] = i;
                for (int i = 0; i < n - 1; i++)
                {
                    int j = i + (int)(_engine.Next32() % (uint)(n - i));
                    (destination[i], destination[j]) = (destination[j], destination[i]);
                }
            }
            else   // here remainders of 32 bits would be visibly uneven: PyTorch (2.10; 1.13 not yet) takes 64, and shuffles while it fills
            {
                for (int i = 0; i < n; i++)
                {
                    int j = (int)(_engine.Next64() % (uint)(i + 1));
                    destination[i] = destination[j];
                    destination[j] = i;
                }
            }
        }
    }

    /// <summary>
    /// The generator's state, to continue later from here with <see cref="SetState"/>. It has the layout of <c>torch.get_rng_state()</c>
    /// (5056 bytes), so a state can be moved to PyTorch and back.
    /// </summary>
    public byte[] GetState()
    {
        lock (_lock) return new GeneratorState(Seed, _engine, _normal).ToBytes();
    }

    /// <summary>Continues from a state that <see cref="GetState"/> or <c>torch.get_rng_state()</c> gave.</summary>
    /// <param name="state">The state, 5056 bytes.</param>
    /// <exception cref="ArgumentException">This is no generator's state. The generator is left as it was.</exception>
    public void SetState(ReadOnlySpan<byte> state)
    {
        var valid = GeneratorState.FromBytes(state);
        lock (_lock) (Seed, _engine, _normal) = valid;
    }

    /// <summary>A seed for a generator of its own, from one draw of 64 bits.</summary>
    internal ulong DrawSeed()
    {
        lock (_lock) return _engine.Next64();
    }

    /// <summary>Goes on from another state, of which the engine is not copied, and gives the one that was there.</summary>
    internal GeneratorState Exchange(GeneratorState state)
    {
        lock (_lock)
        {
            var before = new GeneratorState(Seed, _engine, _normal);
            (Seed, _engine, _normal) = state;
            return before;
        }
    }

    /// <summary>Goes on as another would from here. Allocates nothing.</summary>
    internal void Become(Generator other)
    {
        lock (other._lock)
        {
            lock (_lock)
            {
                (Seed, _normal) = (other.Seed, other._normal);
                _engine.Become(other._engine);
            }
        }
    }

    // Uniform in [0, 1), with as many random bits as T's significand has.
    private T NextUnit<T>() where T : unmanaged, IFloatingPointIeee754<T> => typeof(T) == typeof(float)
        ? T.CreateTruncating(unchecked((int)(_engine.Next32() & ((1 << 24) - 1))) * (1f / (1 << 24)))
        : T.CreateTruncating(unchecked((long)(_engine.Next64() & ((1L << 53) - 1))) * (1.0 / (1L << 53)));

    private double NextNormal()
    {
        if (_normal is { } kept)
        {
            _normal = null;
            return kept;
        }
        double v = NextUnit<double>(), u = 1 - NextUnit<double>();   // u is exact
        double r = Math.Sqrt(-2 * Math.Log(u));
        var (sin, cos) = Math.SinCos(2 * Math.PI * v);
        _normal = r * sin;
        return r * cos;
    }

    // A rented buffer that stands for a matrix row after row, so that matrices and flat spans are filled by one rule.
    private readonly ref struct RowBuffer<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
    {
        private readonly T[] _matrix, _buffer;
        private readonly int _rows, _columns;

        public RowBuffer(Matrix<T> destination)
        {
            _matrix = Operand.Dense(nameof(Generator), destination, nameof(destination));
            (_rows, _columns) = (destination.RowCount, destination.ColumnCount);
            _buffer = ArrayPool<T>.Shared.Rent(_matrix.Length);
        }

        public Span<T> Values => _buffer.AsSpan(0, _matrix.Length);

        public void Store() => RowMajor.ToMatrix<T>(_buffer, _rows, _columns, _matrix, _rows);

        public void Dispose() => ArrayPool<T>.Shared.Return(_buffer);
    }
}
