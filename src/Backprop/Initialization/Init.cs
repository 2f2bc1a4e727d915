using Backprop.Checks;
using MathNet.Numerics;
using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Factorization;

namespace Backprop;

/// <summary>Fills parameters with initial values, as PyTorch's <c>torch.nn.init</c> does, and with its bits where it draws uniform values.</summary>
/// <remarks>
/// <para>CHAIN-RULE.md, "Initialisation", says why each has the size it has. A weight is out x in: its columns are its fan in, its rows its fan out.
/// Each function takes a parameter or a dense matrix; those that need no fan take a dense vector, too. Where no generator is given,
/// <see cref="Generator.Default"/> draws.</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/nn.init.html">torch.nn.init</see>.</para>
/// </remarks>
/// <example><code>Init.KaimingUniform(linear.Weight, nonlinearity: Nonlinearity.ReLU, generator: new Generator(42));</code></example>
public static class Init
{
    /// <summary>The factor for weights before a nonlinearity that keeps what flows through it at its size.</summary>
    /// <remarks>1 for linear and sigmoid; tanh 5/3; ReLU √2; LeakyReLU √(2 / (1 + slope²)); SELU 3/4.</remarks>
    /// <param name="nonlinearity">What follows the weight.</param>
    /// <param name="slope">The slope of LeakyReLU, 0.01 where none is given; without meaning for the others.</param>
    /// <exception cref="ArgumentOutOfRangeException">The nonlinearity is not a defined one, or the slope is not finite.</exception>
    public static double Gain(Nonlinearity nonlinearity, double? slope = null) => Expect.Defined(nameof(Init), nonlinearity) switch
    {
        Nonlinearity.Linear or Nonlinearity.Sigmoid => 1,
        Nonlinearity.Tanh => 5.0 / 3,
        Nonlinearity.ReLU => Math.Sqrt(2),
        Nonlinearity.LeakyReLU => Math.Sqrt(2 / (1 + Square(Expect.Finite(nameof(Init), slope ?? 0.01, nameof(slope))))),
        _ => 3.0 / 4,    // SELU
    };

    /// <summary>Draws values uniform in [a, b).</summary>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <param name="target">What is filled.</param>
    /// <param name="a">The lower bound.</param>
    /// <param name="b">The upper bound.</param>
    /// <param name="generator">Draws the values.</param>
    /// <exception cref="ArgumentNullException"><paramref name="target"/> is null.</exception>
    /// <exception cref="ArgumentException">The target is not dense, or the bounds are not finite or in the wrong order.</exception>
    public static void Uniform<T>(Matrix<T> target, double a = 0, double b = 1, Generator? generator = null) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        Operand.Dense(nameof(Init), target, nameof(target));
        (generator ?? Generator.Default).Uniform(target, a, b);
    }

    /// <inheritdoc cref="Uniform{T}(Matrix{T}, double, double, Generator?)"/>
    public static void Uniform<T>(Vector<T> target, double a = 0, double b = 1, Generator? generator = null) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
        (generator ?? Generator.Default).Uniform<T>(Operand.Dense(nameof(Init), target, nameof(target)), a, b);

    /// <inheritdoc cref="Uniform{T}(Matrix{T}, double, double, Generator?)"/>
    public static void Uniform<T>(Parameter<T> target, double a = 0, double b = 1, Generator? generator = null) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        if (target is VectorParameter<T> vector) Uniform(vector.Value, a, b, generator);
        else Uniform(MatrixOf(target), a, b, generator);
    }

    /// <summary>Draws normally distributed values.</summary>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <param name="target">What is filled.</param>
    /// <param name="mean">The mean.</param>
    /// <param name="std">The standard deviation, at least 0.</param>
    /// <param name="generator">Draws the values.</param>
    /// <exception cref="ArgumentNullException"><paramref name="target"/> is null.</exception>
    /// <exception cref="ArgumentException">The target is not dense, or the standard deviation is negative or NaN.</exception>
    public static void Normal<T>(Matrix<T> target, double mean = 0, double std = 1, Generator? generator = null) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        Operand.Dense(nameof(Init), target, nameof(target));
        (generator ?? Generator.Default).Normal(target, mean, std);
    }

    /// <inheritdoc cref="Normal{T}(Matrix{T}, double, double, Generator?)"/>
    public static void Normal<T>(Vector<T> target, double mean = 0, double std = 1, Generator? generator = null) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
        (generator ?? Generator.Default).Normal<T>(Operand.Dense(nameof(Init), target, nameof(target)), mean, std);

    /// <inheritdoc cref="Normal{T}(Matrix{T}, double, double, Generator?)"/>
    public static void Normal<T>(Parameter<T> target, double mean = 0, double std = 1, Generator? generator = null) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        if (target is VectorParameter<T> vector) Normal(vector.Value, mean, std, generator);
        else Normal(MatrixOf(target), mean, std, generator);
    }

    /// <summary>Draws normally distributed values of which all lie in [a, b], by the inverse of the distribution function from uniform ones.</summary>
    /// <remarks>Best with a &lt;= mean &lt;= b. Where next to nothing of the distribution lies between the bounds, rounding leaves only a bound.</remarks>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <param name="target">What is filled.</param>
    /// <param name="mean">The mean of the whole distribution.</param>
    /// <param name="std">The standard deviation of the whole distribution, above 0.</param>
    /// <param name="a">The lower bound.</param>
    /// <param name="b">The upper bound, not below <paramref name="a"/>.</param>
    /// <param name="generator">Draws the values.</param>
    /// <exception cref="ArgumentNullException"><paramref name="target"/> is null.</exception>
    /// <exception cref="ArgumentException">The target is not dense, or a number is out of its range.</exception>
    public static void TruncatedNormal<T>(Matrix<T> target, double mean = 0, double std = 1, double a = -2, double b = 2, Generator? generator = null)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var (from, to) = UniformBounds(mean, std, a, b);
        Uniform(target, from, to, generator);
        ToTruncatedNormal<T>(target.AsColumnMajorArray(), mean, std, a, b);
    }

    /// <inheritdoc cref="TruncatedNormal{T}(Matrix{T}, double, double, double, double, Generator?)"/>
    public static void TruncatedNormal<T>(Vector<T> target, double mean = 0, double std = 1, double a = -2, double b = 2, Generator? generator = null)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var (from, to) = UniformBounds(mean, std, a, b);
        Uniform(target, from, to, generator);
        ToTruncatedNormal<T>(target.AsArray(), mean, std, a, b);
    }

    /// <inheritdoc cref="TruncatedNormal{T}(Matrix{T}, double, double, double, double, Generator?)"/>
    public static void TruncatedNormal<T>(Parameter<T> target, double mean = 0, double std = 1, double a = -2, double b = 2, Generator? generator = null)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        if (target is VectorParameter<T> vector) TruncatedNormal(vector.Value, mean, std, a, b, generator);
        else TruncatedNormal(MatrixOf(target), mean, std, a, b, generator);
    }

    /// <summary>Sets every value to the same.</summary>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <param name="target">What is filled.</param>
    /// <param name="value">The value.</param>
    /// <exception cref="ArgumentNullException"><paramref name="target"/> is null.</exception>
    /// <exception cref="ArgumentException">The target is not dense.</exception>
    public static void Constant<T>(Matrix<T> target, double value) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
        Array.Fill(Operand.Dense(nameof(Init), target, nameof(target)), Element.From<T>(value));

    /// <inheritdoc cref="Constant{T}(Matrix{T}, double)"/>
    public static void Constant<T>(Vector<T> target, double value) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
        Array.Fill(Operand.Dense(nameof(Init), target, nameof(target)), Element.From<T>(value));

    /// <inheritdoc cref="Constant{T}(Matrix{T}, double)"/>
    public static void Constant<T>(Parameter<T> target, double value) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(target);
        target.Values.Fill(Element.From<T>(value));
    }

    /// <summary>Xavier (Glorot) initialisation, uniform in ±gain √(6 / (in + out)).</summary>
    /// <remarks>Source: X. Glorot and Y. Bengio, Understanding the difficulty of training deep feedforward neural networks, AISTATS 2010.</remarks>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <param name="target">The weight, out x in.</param>
    /// <param name="gain">See <see cref="Gain"/>; at least 0.</param>
    /// <param name="generator">Draws the values.</param>
    /// <exception cref="ArgumentNullException"><paramref name="target"/> is null.</exception>
    /// <exception cref="ArgumentException">The target has one dimension, or is not dense, or the gain is negative or not finite.</exception>
    public static void XavierUniform<T>(Matrix<T> target, double gain = 1, Generator? generator = null) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var bound = Math.Sqrt(3) * XavierStd(Fans(target), gain);
        Uniform(target, -bound, bound, generator);
    }

    /// <inheritdoc cref="XavierUniform{T}(Matrix{T}, double, Generator?)"/>
    public static void XavierUniform<T>(Parameter<T> target, double gain = 1, Generator? generator = null) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
        UniformWithin(target, Math.Sqrt(3) * XavierStd(Fans(target), gain), generator);

    /// <summary>Xavier (Glorot) initialisation, normal with standard deviation gain √(2 / (in + out)).</summary>
    /// <inheritdoc cref="XavierUniform{T}(Matrix{T}, double, Generator?)"/>
    public static void XavierNormal<T>(Matrix<T> target, double gain = 1, Generator? generator = null) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
        Normal(target, 0, XavierStd(Fans(target), gain), generator);

    /// <inheritdoc cref="XavierNormal{T}(Matrix{T}, double, Generator?)"/>
    public static void XavierNormal<T>(Parameter<T> target, double gain = 1, Generator? generator = null) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
        Normal(target, 0, XavierStd(Fans(target), gain), generator);

    /// <summary>Kaiming (He) initialisation, uniform in ±gain √(3 / fan).</summary>
    /// <remarks>Source: K. He et al., Delving deep into rectifiers: surpassing human-level performance on ImageNet classification, ICCV 2015.</remarks>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <param name="target">The weight, out x in.</param>
    /// <param name="a">The slope of the LeakyReLU that follows; without meaning for other nonlinearities.</param>
    /// <param name="mode">Which fan counts.</param>
    /// <param name="nonlinearity">What follows the weight.</param>
    /// <param name="generator">Draws the values.</param>
    /// <exception cref="ArgumentNullException"><paramref name="target"/> is null.</exception>
    /// <exception cref="ArgumentException">The target has one dimension, or is not dense, or the slope is not finite, or an enumeration's value is not a defined one.</exception>
    public static void KaimingUniform<T>(
        Matrix<T> target, double a = 0, FanMode mode = FanMode.FanIn, Nonlinearity nonlinearity = Nonlinearity.LeakyReLU, Generator? generator = null)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var bound = Math.Sqrt(3) * KaimingStd(Fans(target), a, mode, nonlinearity);
        Uniform(target, -bound, bound, generator);
    }

    /// <inheritdoc cref="KaimingUniform{T}(Matrix{T}, double, FanMode, Nonlinearity, Generator?)"/>
    public static void KaimingUniform<T>(
        Parameter<T> target, double a = 0, FanMode mode = FanMode.FanIn, Nonlinearity nonlinearity = Nonlinearity.LeakyReLU, Generator? generator = null)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
        UniformWithin(target, Math.Sqrt(3) * KaimingStd(Fans(target), a, mode, nonlinearity), generator);

    /// <summary>Kaiming (He) initialisation, normal with standard deviation gain / √fan.</summary>
    /// <inheritdoc cref="KaimingUniform{T}(Matrix{T}, double, FanMode, Nonlinearity, Generator?)"/>
    public static void KaimingNormal<T>(
        Matrix<T> target, double a = 0, FanMode mode = FanMode.FanIn, Nonlinearity nonlinearity = Nonlinearity.LeakyReLU, Generator? generator = null)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> => Normal(target, 0, KaimingStd(Fans(target), a, mode, nonlinearity), generator);

    /// <inheritdoc cref="KaimingNormal{T}(Matrix{T}, double, FanMode, Nonlinearity, Generator?)"/>
    public static void KaimingNormal<T>(
        Parameter<T> target, double a = 0, FanMode mode = FanMode.FanIn, Nonlinearity nonlinearity = Nonlinearity.LeakyReLU, Generator? generator = null)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
        Normal(target, 0, KaimingStd(Fans(target), a, mode, nonlinearity), generator);

    /// <summary>A random orthogonal matrix times a gain: its rows or its columns, whichever are fewer, are orthogonal and of length gain.</summary>
    /// <remarks>
    /// Q of the QR decomposition of a normally distributed matrix, its columns' signs set so that R's diagonal is positive; without that Q would not be
    /// uniform over all orthogonal matrices. Sources: A. Saxe et al., Exact solutions to the nonlinear dynamics of learning in deep linear neural networks,
    /// ICLR 2014; F. Mezzadri, How to generate random matrices from the classical compact groups, 2007.
    /// </remarks>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <param name="target">The weight.</param>
    /// <param name="gain">The length of the orthogonal rows or columns; finite.</param>
    /// <param name="generator">Draws the values.</param>
    /// <exception cref="ArgumentNullException"><paramref name="target"/> is null.</exception>
    /// <exception cref="ArgumentException">The target has one dimension, or is not dense, or the gain is not finite.</exception>
    public static void Orthogonal<T>(Matrix<T> target, double gain = 1, Generator? generator = null) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        Operand.Dense(nameof(Init), target, nameof(target));
        var scale = Element.From<T>(Expect.Finite(nameof(Init), gain));
        var normal = Matrix<T>.Build.Dense(target.RowCount, target.ColumnCount);
        Normal(normal, generator: generator);

        var wide = target.RowCount < target.ColumnCount;
        var qr = (wide ? normal.Transpose() : normal).QR(QRMethod.Thin);
        Matrix<T> q = qr.Q, r = qr.R;
        for (var i = 0; i < target.RowCount; i++)
            for (var j = 0; j < target.ColumnCount; j++)
            {
                var (row, column) = wide ? (j, i) : (i, j);
                target[i, j] = scale * (T.IsNegative(r[column, column]) ? -q[row, column] : q[row, column]);
            }
    }

    /// <inheritdoc cref="Orthogonal{T}(Matrix{T}, double, Generator?)"/>
    public static void Orthogonal<T>(Parameter<T> target, double gain = 1, Generator? generator = null) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
        Orthogonal(MatrixOf(target), gain, generator);

    private static double XavierStd((long In, long Out) fans, double gain) => Expect.AtLeastZero(nameof(Init), gain) * Math.Sqrt(2.0 / (fans.In + fans.Out));

    private static double KaimingStd((long In, long Out) fans, double a, FanMode mode, Nonlinearity nonlinearity) =>
        Gain(nonlinearity, a) / Math.Sqrt(Expect.Defined(nameof(Init), mode) == FanMode.FanIn ? fans.In : fans.Out);

    private static (long In, long Out) Fans<T>(Matrix<T> target) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        Operand.Dense(nameof(Init), target, nameof(target));
        return (target.ColumnCount, target.RowCount);
    }

    // A kernel's weight, [out, in, kh, kw]: each output sees in kh kw inputs, and each input reaches out kh kw outputs.
    private static (long In, long Out) Fans<T>(Parameter<T> target) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var matrix = MatrixOf(target);
        var field = target.Shape.Skip(2).Aggregate(1L, (product, size) => product * size);
        return (matrix.ColumnCount, matrix.RowCount * field);
    }

    private static void UniformWithin<T>(Parameter<T> target, double bound, Generator? generator) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
        Uniform(target, -bound, bound, generator);

    // The part of (-1, 1) whose inverse error function, scaled, is [a, b].
    private static (double From, double To) UniformBounds(double mean, double std, double a, double b)
    {
        Expect.Finite(nameof(Init), mean);
        Expect.AboveZero(nameof(Init), std);
        Expect.That(a <= b, nameof(Init), a, "at most b");
        return (2 * Below((a - mean) / std) - 1, 2 * Below((b - mean) / std) - 1);

        static double Below(double x) => (1 + SpecialFunctions.Erf(x / Math.Sqrt(2))) / 2;
    }

    private static void ToTruncatedNormal<T>(T[] uniform, double mean, double std, double a, double b) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        T scale = Element.From<T>(std * Math.Sqrt(2)), shift = Element.From<T>(mean), low = Element.From<T>(a), high = Element.From<T>(b);
        for (var i = 0; i < uniform.Length; i++)
        {
            var standard = Element.From<T>(SpecialFunctions.ErfInv(double.CreateTruncating(uniform[i])));
            uniform[i] = T.Clamp(standard * scale + shift, low, high);
        }
    }

    private static Matrix<T> MatrixOf<T>(Parameter<T> target) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(target);
        return target is MatrixParameter<T> matrix
            ? matrix.Value
            : throw new ArgumentException($"Init expects a parameter of two dimensions here, but it is {target}.", nameof(target));
    }

    private static double Square(double x) => x * x;
}
