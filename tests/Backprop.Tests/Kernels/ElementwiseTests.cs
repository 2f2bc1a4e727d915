using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Kernels;
using CsCheck;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests.Kernels;

public abstract class ElementwiseTests<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly Gen<(int Length, int Start)> Places = Gen.Select(Gen.Int[0, 100], Gen.Int[0, 20]);

    [Fact]
    public void Functions_of_one_number_are_applied_everywhere_and_nowhere_else() => Places.Sample(place =>
    {
        T[] x = Numbers(place, 1), result = Numbers(place, 4), before = [.. result];
        Elementwise.Map(new Affine(T.CreateTruncating(3)), Part(x, place), Part(result, place));
        for (int i = 0; i < result.Length; i++)
            result[i].Should().Be(Inside(i, place) ? x[i] * T.CreateTruncating(3) + T.One : before[i]);
    }, seed: "0000KpWHEs03");

    [Fact]
    public void Functions_of_two_numbers_are_applied_everywhere_and_nowhere_else() => Places.Sample(place =>
    {
        T[] x = Numbers(place, 1), y = Numbers(place, 2), result = Numbers(place, 4), before = [.. result];
        Elementwise.Map(default(Difference), Part(x, place), Part(y, place), Part(result, place));
        for (int i = 0; i < result.Length; i++) result[i].Should().Be(Inside(i, place) ? x[i] - y[i] : before[i]);
    }, seed: "0000KpWHEs03");

    [Fact]
    public void Functions_of_three_numbers_are_applied_everywhere_and_nowhere_else() => Places.Sample(place =>
    {
        T[] x = Numbers(place, 1), y = Numbers(place, 2), z = Numbers(place, 3), result = Numbers(place, 4), before = [.. result];
        Elementwise.Map(default(ProductMinus), Part(x, place), Part(y, place), Part(z, place), Part(result, place));
        for (int i = 0; i < result.Length; i++) result[i].Should().Be(Inside(i, place) ? x[i] * y[i] - z[i] : before[i]);
    }, seed: "0000KpWHEs03");

    [Fact]
    public void The_result_may_be_any_of_the_inputs() => Places.Sample(place =>
    {
        T[] x = Numbers(place, 1), y = Numbers(place, 2), z = Numbers(place, 3);
        for (int replaced = 0; replaced < 3; replaced++)
        {
            T[][] inputs = [[.. x], [.. y], [.. z]];
            Elementwise.Map(default(ProductMinus), Part(inputs[0], place), Part(inputs[1], place), Part(inputs[2], place), Part(inputs[replaced], place));
            for (int i = place.Start; i < place.Start + place.Length; i++) inputs[replaced][i].Should().Be(x[i] * y[i] - z[i]);
        }
    }, seed: "0000KpWHEs03");

    [Fact]
    public void Lengths_that_differ_are_refused()
    {
        T[] three = new T[3], four = new T[4];
        new Action[]
        {
            () => Elementwise.Map(default(Affine), three, four),
            () => Elementwise.Map(default(Difference), three, four, three),
            () => Elementwise.Map(default(Difference), three, three, four),
            () => Elementwise.Map(default(ProductMinus), three, three, four, three),
            () => Elementwise.Map(default(ProductMinus), three, three, three, four),
        }.Should().AllSatisfy(act => act.Should().Throw<ArgumentException>().WithMessage("The spans must agree in length, but have * and * elements."));
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        T[] x = new T[37], y = new T[37];
        Run();
        Allocation.Least(() =>
        {
            Run();
        }).Should().Be(0);

        void Run()
        {
            Elementwise.Map(new Affine(T.One), x, y);
            Elementwise.Map(default(Difference), x, y, y);
            Elementwise.Map(default(ProductMinus), x, y, x, y);
            _ = Reductions.Sum<T>(x) + Reductions.Sum(default(Difference), x, y);
            Reductions.AddColumnSums(x.AsSpan(0, 36), 9, y.AsSpan(0, 4));
        }
    }

    private static T[] Numbers((int Length, int Start) place, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, place.Start + place.Length + 20).Select(_ => T.CreateTruncating(random.Next(-1000, 1000) / 16.0))];
    }

    private static Span<T> Part(T[] x, (int Length, int Start) place) => x.AsSpan(place.Start, place.Length);

    private static bool Inside(int i, (int Length, int Start) place) => place.Start <= i && i < place.Start + place.Length;

    private readonly struct Affine(T a) : IUnary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => x * V.Broadcast(a) + 1;
    }

    private readonly struct Difference : IBinary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x, V y) where V : unmanaged, IVector<V, T> => x - y;
    }

    private readonly struct ProductMinus : ITernary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x, V y, V z) where V : unmanaged, IVector<V, T> => x * y - z;
    }
}

public class ElementwiseDoubleTests : ElementwiseTests<double>;

public class ElementwiseSingleTests : ElementwiseTests<float>;
