using System.Numerics;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests.Kernels;

public abstract class UpdateTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Each buffer is its own, in vectors and in what is left of them, of one parameter and of several in one step.</summary>
    [Theory]
    [InlineData(1, 3)]
    [InlineData(5, 67)]
    [InlineData(40, 1000)]
    public void A_rule_finds_each_of_its_three_buffers(int first, int second)
    {
        Parameter<T>[] parameters = [new VectorParameter<T>("one", first), new VectorParameter<T>("two", second)];
        var group = new Three(parameters);
        for (var step = 1; step <= 2; step++)
        {
            foreach (var parameter in parameters)
                for (var i = 0; i < parameter.Count; i++) parameter.Gradients[i] = T.CreateChecked(i + 1);
            group.Step();
        }

        var state = new Optimizer<T>(group).GetState();
        foreach (var (index, parameter) in parameters.Index())
        {
            var gradients = Enumerable.Range(1, parameter.Count).Select(i => T.CreateChecked(i)).ToArray();
            state.Arrays[$"{index}.a"].Should().Equal(gradients.Select(g => T.CreateChecked(2) * g));
            state.Arrays[$"{index}.b"].Should().Equal(gradients.Select(g => T.CreateChecked(20) * g));
            state.Arrays[$"{index}.c"].Should().Equal(gradients.Select(g => T.CreateChecked(200) * g));
            parameter.Values.ToArray().Should().Equal(gradients.Select(g => T.CreateChecked(-300) * g));      // 100 after the first step, 200 after the second
        }
    }

    private sealed class Three : ParameterGroup<T>
    {
        private readonly StateBuffer<T> _a, _b, _c;

        public Three(IEnumerable<Parameter<T>> parameters) : base(parameters, learningRate: 1) => (_a, _b, _c) = (Register("a"), Register("b"), Register("c"));

        protected override void Update(UpdateStep<T> step) => step.Apply(new Rule(), _a, _b, _c);
    }

    private readonly struct Rule : IUpdateRule<T>
    {
        public static int Buffers => 3;

        public void Apply<V>(V g, ref V p, ref V a, ref V b, ref V c) where V : unmanaged, IVector<V, T>
        {
            a += g;
            b += 10 * g;
            c += 100 * g;
            p -= c;
        }
    }
}

public sealed class UpdateDoubleTests : UpdateTests<double>;

public sealed class UpdateSingleTests : UpdateTests<float>;
