using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;
using Xunit;

namespace Backprop.Tests;

public abstract class GeneratorTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly bool IsDouble = typeof(T) == typeof(double);
    private static readonly torch.ScalarType Type = IsDouble ? torch.float64 : torch.float32;

    public static TheoryData<string, Action<Generator, T[]>> Fills => new()
    {
        { "uniform", (generator, values) => generator.Uniform(values.AsSpan(), -2, 3) },
        { "normal", (generator, values) => generator.Normal(values.AsSpan(), 0.5, 2) },
        { "bernoulli", (generator, values) => generator.Bernoulli(values.AsSpan(), 0.3) },
        { "uniform matrix", (generator, values) => generator.Uniform(Matrix<T>.Build.Dense(values.Length, 1, values), -2, 3) },
        { "normal matrix", (generator, values) => generator.Normal(Matrix<T>.Build.Dense(values.Length, 1, values), 0.5, 2) },
        { "bernoulli matrix", (generator, values) => generator.Bernoulli(Matrix<T>.Build.Dense(values.Length, 1, values), 0.3) },
    };

    [Fact]
    public void Uniform_has_PyTorchs_bits() =>
        GeneratorFixture.ForEach<T>("uniform", f => Drawn(f.Seed, f.Size, (g, values) => g.Uniform(values, f.A, f.B)));

    [Fact]
    public void Uniform_stays_below_its_upper_bound_where_PyTorch_rounds_to_it()
    {
        T one = T.One, next = T.BitIncrement(one), after = T.BitIncrement(next);
        var drawn = new T[1000];
        new Generator(1).Uniform(drawn.AsSpan(), 1, double.CreateChecked(next));
        drawn.Distinct().Should().Equal(one);
        new Generator(1).Uniform(drawn.AsSpan(), 1, double.CreateChecked(after));
        drawn.Distinct().Should().BeEquivalentTo([one, next]);
        new Generator(1).Uniform(drawn.AsSpan(), -1, -1);
        drawn.Distinct().Should().Equal(-one);
    }

    [Fact]
    public void Of_a_million_floats_in_1_to_2_only_the_one_that_is_the_bound_in_PyTorch_differs()
    {
        // Of this seed, draw 795 has 24 ones: 2 - 2^-24, which no float is.
        const int Seed = 12162, Draw = 795;
        var ours = new float[1_000_000];
        new Generator(Seed).Uniform(ours.AsSpan(), 1, 2);
        using var alone = TorchRandom.Alone(Seed);
        using var tensor = torch.empty(ours.Length, torch.float32).uniform_(1, 2);
        var theirs = tensor.data<float>().ToArray();
        (theirs[Draw], ours[Draw]).Should().Be((2f, MathF.BitDecrement(2)));
        theirs[Draw] = ours[Draw];
        ours.Should().Equal(theirs);
    }

    [Fact]
    public void A_linear_layers_initial_values_have_PyTorchs_bits() => GeneratorFixture.ForEach<T>("linear", f =>
    {
        var linear = new Linear<T>((int)f.A, 3, generator: new Generator(f.Seed));
        return [.. linear.Weight.Value.ToRowMajorArray(), .. linear.Bias!.Value];
    });

    [Fact]
    public void Bernoulli_has_PyTorchs_values()
    {
        GeneratorFixture.ForEach<T>("bernoulli 4096", f => Drawn(f.Seed, f.Size, (g, values) => g.Bernoulli(values, f.A)));
        GeneratorFixture.ForEach<T>("bernoulli 1..100", f => EachSize(f.Seed, 100, (g, values) => g.Bernoulli(values, f.A)));
    }

    /// <summary>What a dropout layer builds on: ones with probability 1 - p, divided by 1 - p in T.</summary>
    [Fact]
    public void Bernoulli_gives_PyTorchs_dropout_mask() => GeneratorFixture.ForEach<T>("dropout of ones 1..100", f =>
    {
        var mask = EachSize(f.Seed, 100, (g, values) => g.Bernoulli(values, 1 - f.A));
        return Array.ConvertAll(mask, m => m / T.CreateChecked(1 - f.A));
    });

    [Theory, MemberData(nameof(Fills))]
    public void Every_fill_continues_from_a_saved_state(string name, Action<Generator, T[]> fill)
    {
        for (int size = 1; size < 40; size++)
        {
            var generator = new Generator(size);
            generator.Normal(new double[2 * size + 1].AsSpan());      // up to here a normal value may be kept
            generator.Uniform(new float[600].AsSpan());
            byte[] state = generator.GetState();

            T[] first = new T[size], again = new T[size], elsewhere = new T[size];
            fill(generator, first);
            byte[] after = generator.GetState();
            generator.SetState(state);
            fill(generator, again);
            var other = new Generator(0);
            other.SetState(state);
            fill(other, elsewhere);

            again.Should().Equal(first, name);
            elsewhere.Should().Equal(first, name);
            generator.GetState().Should().Equal(after);
            other.GetState().Should().Equal(after);
            other.Seed.Should().Be(size);
        }
    }

    [Fact]
    public void A_fill_of_nothing_draws_nothing()
    {
        var generator = new Generator(1);
        generator.Uniform(Span<T>.Empty);
        generator.Normal(Span<T>.Empty);
        generator.Bernoulli(Span<T>.Empty, 0.5);
        generator.GetState().Should().Equal(new Generator(1).GetState());
    }

    [Fact]
    public void A_matrix_is_filled_row_after_row()
    {
        Check(g => g.Uniform(Values, -1, 1), g => g.Uniform(Matrix, -1, 1));
        Check(g => g.Normal(Values, -1, 2), g => g.Normal(Matrix, -1, 2));
        Check(g => g.Bernoulli(Values, 0.4), g => g.Bernoulli(Matrix, 0.4));

        static void Check(Action<Generator> flat, Action<Generator> matrix)
        {
            flat(new Generator(3));
            matrix(new Generator(3));
            Matrix.ToRowMajorArray().Should().Equal(Values);
        }
    }

    [Fact]
    public void Filling_does_not_allocate()
    {
        var generator = new Generator(1);
        var order = new int[1000];
        for (int warm = 0; warm < 3; warm++) Fill();
        Allocation.Least(() =>
        {
            for (int i = 0; i < 10; i++) Fill();
        }).Should().Be(0);

        void Fill()
        {
            generator.Uniform(Values);
            generator.Normal(Values);
            generator.Bernoulli(Values, 0.5);
            generator.Uniform(Matrix);
            generator.Normal(Matrix);
            generator.Bernoulli(Matrix, 0.5);
            generator.Permutation(order);
        }
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(double.NaN, 1)]
    [InlineData(0, double.NaN)]
    [InlineData(0, double.PositiveInfinity)]
    [InlineData(-double.MaxValue, double.MaxValue)]
    public void Uniform_refuses_bounds_that_are_none(double from, double to) => Refused<ArgumentException>(
        g => g.Uniform(Values, from, to), $"Uniform expects finite bounds, from <= to, but from is {from} and to is {to}. (Parameter 'from')");

    [Theory]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    public void Normal_refuses_a_negative_deviation(double std) => Refused<ArgumentOutOfRangeException>(
        g => g.Normal(Values, 0, std), $"Normal expects a standard deviation of at least 0, but std is {std}. (Parameter 'std')");

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1.1)]
    [InlineData(double.NaN)]
    public void Bernoulli_refuses_what_is_no_probability(double p) => Refused<ArgumentOutOfRangeException>(
        g => g.Bernoulli(Values, p), $"Bernoulli expects a probability in [0, 1], but p is {p}. (Parameter 'p')");

    [Fact]
    public void A_matrix_that_is_not_dense_is_refused()
    {
        var sparse = Matrix<T>.Build.Sparse(2, 3);
        string message = $"Generator expects a dense matrix, but destination is a 2x3 {sparse.GetType().Name}; *(Parameter 'destination')";
        Refused<ArgumentException>(g => g.Uniform(sparse), message);
        Refused<ArgumentException>(g => g.Normal(sparse), message);
        Refused<ArgumentException>(g => g.Bernoulli(sparse, 0.5), message);
        Refused<ArgumentNullException>(g => g.Uniform((Matrix<T>)null!), "*(Parameter 'destination')");
        Refused<ArgumentNullException>(g => g.Normal((Matrix<T>)null!), "*(Parameter 'destination')");
        Refused<ArgumentNullException>(g => g.Bernoulli((Matrix<T>)null!, 0.5), "*(Parameter 'destination')");
    }

    /// <summary>libtorch 2.10, beside the fixtures of PyTorch 1.13: the values, and the state afterwards.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(-1)]
    [InlineData(long.MaxValue)]
    [InlineData(987654321987)]
    public void The_engine_of_TorchSharp_draws_the_same(long seed)
    {
        RequirePyTorchsCompiler();
        using var scope = torch.NewDisposeScope();
        var theirs = new torch.Generator((ulong)seed);
        var ours = new Generator(seed);
        for (int i = 0; i < 40; i++)
        {
            int size = i < 36 ? i + 1 : 997 * i;
            Same(torch.empty(size, dtype: Type).uniform_(-0.37, 1.7, theirs), Drawn(ours, size, (g, values) => g.Uniform(values, -0.37, 1.7)));
            SameNormal(torch.empty(size, dtype: Type).normal_(0, 1.7, theirs), Drawn(ours, size, (g, values) => g.Normal(values, 0, 1.7)));
            SameNormal(torch.empty(size, dtype: Type).normal_(-3, 1.7, theirs), Drawn(ours, size, (g, values) => g.Normal(values, -3, 1.7)), mean: -3);
            if (!BernoulliIsIntels())
                Same(torch.empty(size, dtype: Type).bernoulli_(0.3, theirs), Drawn(ours, size, (g, values) => g.Bernoulli(values, 0.3)));
            torch.randperm(size, torch.int64, generator: theirs).data<long>().ToArray().Should().Equal(Array.ConvertAll(ours.Permutation(size), x => (long)x));
        }
        theirs.get_state().bytes.ToArray().Should().Equal(ours.GetState());
    }

    [Fact]
    public void A_state_moves_to_TorchSharp_and_back()
    {
        RequirePyTorchsCompiler();
        using var scope = torch.NewDisposeScope();
        var theirs = new torch.Generator(9);
        var ours = new Generator(1);
        for (int i = 0; i < 20; i++)
        {
            ours.Normal(new double[2 * i + 1].AsSpan());                       // a normal value is kept while i < 8
            ours.Uniform(new float[100 * i].AsSpan());
            theirs.set_state(torch.tensor(ours.GetState(), torch.uint8));
            theirs.get_state().bytes.ToArray().Should().Equal(ours.GetState());
            SameNormal(torch.empty(1, dtype: Type).normal_(0, 1, theirs), Drawn(ours, 1, (g, values) => g.Normal(values)));

            torch.empty(7 * i, dtype: Type).uniform_(0, 1, theirs);
            ours.SetState(theirs.get_state().bytes.ToArray());
            Same(torch.empty(50, dtype: Type).uniform_(0, 1, theirs), Drawn(ours, 50, (g, values) => g.Uniform(values)));
        }
    }

    private static readonly T[] Values = new T[35];
    private static readonly Matrix<T> Matrix = Matrix<T>.Build.Dense(5, 7);

    private protected delegate void Fill(Generator generator, Span<T> values);

    private protected static T[] Drawn(long seed, int size, Fill fill) => Drawn(new Generator(seed), size, fill);

    private protected static T[] EachSize(long seed, int last, Fill fill) => [.. Enumerable.Range(1, last).SelectMany(n => Drawn(seed, n, fill))];

    private static T[] Drawn(Generator generator, int size, Fill fill)
    {
        var values = new T[size];
        fill(generator, values);
        return values;
    }

    private static void Refused<TException>(Action<Generator> act, string message) where TException : Exception
    {
        var generator = new Generator(1);
        generator.Invoking(act).Should().Throw<TException>().WithMessage(message);
        generator.GetState().Should().Equal(new Generator(1).GetState(), "nothing was drawn");
    }

    private static void Same(torch.Tensor expected, T[] actual) => expected.data<T>().ToArray().Should().Equal(actual);

    // Fewer than 16 doubles agree to the last places of log1p only.
    private static void SameNormal(torch.Tensor expected, T[] actual, double mean = 0)
    {
        if (!IsDouble || actual.Length >= 16) Same(expected, actual);
        else NormalsAgree(expected.data<double>().ToArray(), Array.ConvertAll(actual, double.CreateChecked), mean);
    }

    private protected static void NormalsAgree(double[] expected, double[] actual, double mean)
    {
        actual.Should().HaveSameCount(expected);
        for (int i = 0; i < expected.Length; i++)
            actual[i].Should().BeApproximately(expected[i], 4 * double.Exp2(-52) * (Math.Abs(mean) + Math.Abs(expected[i] - mean)), "this is PyTorch's value {0} of {1}", i, expected.Length);
    }

    // Elsewhere PyTorch is compiled by others, which fuse other products, or takes other functions.
    private static void RequirePyTorchsCompiler() =>
        Assert.SkipUnless(OperatingSystem.IsLinux() && Fma.IsSupported && Avx2.IsSupported, "PyTorch's bits are those of Linux x86-64 with AVX2.");

    // Intel's library seeds a generator of its own with one draw, instead of taking two draws for each value.
    private static bool BernoulliIsIntels()
    {
        var probe = new torch.Generator(1);
        torch.empty(5).bernoulli_(0.5, probe).Dispose();
        return !probe.get_state().bytes.ToArray().AsSpan(16, 1).SequenceEqual([(byte)10]);
    }
}

public class GeneratorDoubleTests : GeneratorTests<double>
{
    /// <summary>Up to the last places of the platform's logarithm, sine and cosine.</summary>
    [Fact]
    public void Normal_agrees_with_PyTorch()
    {
        foreach (var f in GeneratorFixture.Of<double>("normal 1..20"))
            NormalsAgree(f.Values, EachSize(f.Seed, 20, (g, values) => g.Normal(values, f.A, f.B)), f.A);
        foreach (var f in GeneratorFixture.Of<double>("normal 1000"))
            NormalsAgree(f.Values, Drawn(f.Seed, 1000, (g, values) => g.Normal(values, f.A, f.B)), f.A);
    }
}

public class GeneratorSingleTests : GeneratorTests<float>
{
    [Fact]
    public void Normal_has_PyTorchs_bits()
    {
        GeneratorFixture.ForEach<float>("normal 1..40", f => EachSize(f.Seed, 40, (g, values) => g.Normal(values, f.A, f.B)));
        GeneratorFixture.ForEach<float>("normal 1000", f => Drawn(f.Seed, f.Size, (g, values) => g.Normal(values, f.A, f.B)));
    }
}

public class GeneratorTests
{
    [Fact]
    public void Permutation_is_PyTorchs_randperm()
    {
        GeneratorFixture.ForEach<long>("randperm", f => Array.ConvertAll(new Generator(f.Seed).Permutation(f.Size), x => (long)x));
        new Generator(1).Permutation(0).Should().BeEmpty();
    }

    /// <summary>Takes minutes and 900 MB, hence only on request. The values: torch.manual_seed(7); torch.randperm(n), libtorch 2.10.</summary>
    [Theory(Explicit = true)]
    [InlineData(214748363, new[] { 112993252, 117420445, 128500308 })]
    [InlineData(214748364, new[] { 93268064, 63068233, 165770247 })]
    public void A_huge_permutation_takes_64_bits_a_number(int n, int[] first) => new Generator(7).Permutation(n)[..3].Should().Equal(first);

    [Fact]
    public void Permutation_refuses_a_negative_count() =>
        new Generator(1).Invoking(g => g.Permutation(-1)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("n");

    [Fact]
    public void Permutation_continues_from_a_saved_state()
    {
        var generator = new Generator(4);
        generator.Permutation(500);
        byte[] state = generator.GetState();
        var first = generator.Permutation(300);
        generator.SetState(state);
        generator.Permutation(300).Should().Equal(first);
    }

    [Fact]
    public void The_state_has_PyTorchs_bytes()
    {
        GeneratorFixture.ForEach<byte>("state after floats", f =>
        {
            var generator = new Generator(f.Seed);
            generator.Uniform(new float[(int)f.A].AsSpan());
            return generator.GetState();
        });
        GeneratorFixture.ForEach<byte>("state after a mixture", f =>
        {
            var generator = new Generator(f.Seed);
            generator.Uniform(new float[3].AsSpan());
            generator.Normal(new double[5].AsSpan());
            generator.Normal(new float[5].AsSpan());
            generator.Normal(new float[21].AsSpan());
            generator.Normal(new double[35].AsSpan());
            generator.Permutation(100);
            generator.Bernoulli(new float[33].AsSpan(), 0.25);
            return generator.GetState();
        });
    }

    [Fact]
    public void A_new_seed_forgets_everything()
    {
        var generator = new Generator(1);
        generator.Normal(new double[1].AsSpan());
        generator.ManualSeed(-3);
        generator.Seed.Should().Be(-3);
        generator.GetState().Should().Equal(new Generator(-3).GetState());
    }

    [Fact]
    public void The_default_generator_starts_from_PyTorchs_default_seed() =>
        Generator.Default.Seed.Should().Be(GeneratorFixture.Of<byte>("state of torch.Generator()").Single().Seed);

    [Theory]
    [InlineData(8, new byte[] { 0 }, "next is 0, left 0, seeded 1")]
    [InlineData(12, new byte[] { 0 }, "next is 0, left 1, seeded 0")]
    [InlineData(16, new byte[] { 1 }, "next is 1, left 1, seeded 1")]
    [InlineData(16, new byte[] { 0x71, 2 }, "next is 625, left 1, seeded 1")]
    [InlineData(16, new byte[] { 255, 255, 255, 255, 255, 255, 255, 255 }, "next is -1, left 1, seeded 1")]
    [InlineData(16, new byte[] { 0, 0, 0, 0, 1 }, "next is 4294967296, left 1, seeded 1")]
    [InlineData(24 + 8 * 7 + 4, new byte[] { 1 }, "word 7 is *, more than 32 bits")]
    [InlineData(5038, new byte[] { 0xf0, 0x7f, 2 }, "the normal value kept is 0, its flag 2")]
    [InlineData(5030, new byte[] { 0xf0, 0x7f }, "the normal value kept is *, its flag 0")]
    public void A_damaged_state_is_refused(int at, byte[] bytes, string found)
    {
        byte[] state = new Generator(2).GetState();
        bytes.CopyTo(state, at);
        Refused(state, $"These bytes are no generator's state: {found}. (Parameter 'state')");
    }

    [Fact]
    public void What_is_no_state_is_refused()
    {
        byte[] state = new Generator(2).GetState();
        state.AsSpan(24, 8 * 624).Clear();
        Refused(state, "These bytes are no generator's state: all words are 0. (Parameter 'state')");
        Refused([], "A generator's state has 5056 bytes, but this one has 0. (Parameter 'state')");
        Refused(new byte[5055], "A generator's state has 5056 bytes, but this one has 5055. (Parameter 'state')");
        Refused(new byte[5057], "A generator's state has 5056 bytes, but this one has 5057. (Parameter 'state')");
    }

    [Fact]
    public void Random_bytes_are_refused_by_the_documented_exception()
    {
        var random = new Random(1);
        for (int i = 0; i < 500; i++)
        {
            byte[] state = new Generator(i).GetState();
            random.NextBytes(state.AsSpan(random.Next(8, 24), random.Next(1, 5000)));
            Refused(state, "These bytes are no generator's state: *");
        }
    }

    [Fact]
    public void Half_precision_is_refused()
    {
        var generator = new Generator(1);
        var fills = new Action[] { () => generator.Uniform(new Half[1].AsSpan()), () => generator.Normal(new Half[1].AsSpan()), () => generator.Bernoulli(new Half[1].AsSpan(), 0.5) };
        foreach (var fill in fills)
            fill.Should().Throw<NotSupportedException>().WithMessage("Backprop computes in float or double; Half is not supported.");
    }

    [Fact]
    public void Threads_that_share_a_generator_draw_each_value_once()
    {
        const int threads = 2, fills = 60, size = 20_000;
        var shared = new Generator(5);
        var drawn = new float[threads * fills][];
        using var start = new Barrier(threads);
        var workers = Enumerable.Range(0, threads).Select(k => new Thread(() =>
        {
            start.SignalAndWait();
            for (int i = k * fills; i < (k + 1) * fills; i++)
                shared.Uniform((drawn[i] = new float[size]).AsSpan());
        })).ToList();
        workers.ForEach(worker => worker.Start());
        workers.ForEach(worker => worker.Join());

        var alone = new Generator(5);
        var expected = new float[threads * fills][];
        for (int i = 0; i < expected.Length; i++)
            alone.Uniform((expected[i] = new float[size]).AsSpan());
        drawn.Select(Hash).Order().Should().Equal(expected.Select(Hash).Order(), "each fill draws its values in one piece");
        shared.GetState().Should().Equal(alone.GetState());

        static string Hash(float[] values) => Convert.ToHexString(SHA256.HashData(MemoryMarshal.AsBytes<float>(values)));
    }

    private static void Refused(byte[] state, string message)
    {
        var generator = new Generator(1);
        generator.Normal(new double[1].AsSpan());
        byte[] before = generator.GetState();
        generator.Invoking(g => g.SetState(state)).Should().Throw<ArgumentException>().WithMessage(message);
        generator.GetState().AsSpan().SequenceEqual(before).Should().BeTrue("nothing was changed");
    }
}

/// <summary>A line of tests/fixtures/generator.txt.</summary>
internal sealed record GeneratorFixture(string Operation, string Type, long Seed, int Size, double A, double B, string First, string Hash)
{
    private static readonly GeneratorFixture[] All = [.. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "fixtures", "generator.txt")).Select(Parse)];

    public static IReadOnlyList<GeneratorFixture> Of<T>(string operation)
    {
        string type = default(T) switch { double => "float64", float => "float32", long => "int64", _ => "uint8" };
        var found = All.Where(f => f.Operation == operation && f.Type == type).ToArray();
        found.Should().NotBeEmpty();
        return found;
    }

    /// <summary>Draws what each line of an operation was drawn by, and compares all bits.</summary>
    public static unsafe void ForEach<T>(string operation, Func<GeneratorFixture, T[]> draw) where T : unmanaged
    {
        foreach (var f in Of<T>(operation))
        {
            var bytes = MemoryMarshal.AsBytes<T>(draw(f)).ToArray();
            bytes.Should().HaveCount(f.Size * sizeof(T), "{0}", f);
            var first = f.First.Split(' ').Select((_, i) => Convert.ToHexStringLower([.. bytes.Skip(i * sizeof(T)).Take(sizeof(T)).Reverse()]));
            string.Join(' ', first).Should().Be(f.First, "{0}", f);
            Convert.ToHexStringLower(SHA256.HashData(bytes)).Should().Be(f.Hash, "{0}", f);
        }
    }

    /// <summary>The first values, where they are doubles.</summary>
    public double[] Values => Array.ConvertAll(First.Split(' '), Number);

    private static double Number(string bits) => BitConverter.UInt64BitsToDouble(Convert.ToUInt64(bits, 16));

    private static GeneratorFixture Parse(string line)
    {
        string[] f = line.Split(';');
        return new(f[0], f[1], long.Parse(f[2], CultureInfo.InvariantCulture), int.Parse(f[3], CultureInfo.InvariantCulture), Number(f[4]), Number(f[5]), f[6], f[7]);
    }
}
