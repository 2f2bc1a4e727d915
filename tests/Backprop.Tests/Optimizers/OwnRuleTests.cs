using System.Numerics;
using System.Runtime.CompilerServices;
using CsCheck;
using FluentAssertions;
using TorchSharp;
using Xunit;

namespace Backprop.Tests;

/// <summary>Rules written as a user writes them, with what is public or protected: AdamW as a formula and as a loop over spans.</summary>
public abstract class OwnRuleTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private abstract class OwnAdamGroup : ParameterGroup<T>
    {
        protected OwnAdamGroup(IEnumerable<Parameter<T>> parameters) : base(parameters, learningRate: 1e-3) =>
            (ExpAvg, ExpAvgSq) = (Register("exp_avg"), Register("exp_avg_sq"));

        public double Beta1 { get; set => field = BelowOne(value); } = 0.9;

        public double Beta2 { get; set => field = BelowOne(value); } = 0.999;

        public double Epsilon { get; init => field = AtLeastZero(value); } = 1e-8;

        public override double? CycledMomentum { get => Beta1; set => Beta1 = value ?? 0; }

        protected StateBuffer<T> ExpAvg { get; }

        protected StateBuffer<T> ExpAvgSq { get; }

        protected override void Exchange(StateExchange state)
        {
            base.Exchange(state);
            Beta1 = state.Value("beta1", Beta1);
            Beta2 = state.Value("beta2", Beta2);
            state.Same("eps", Epsilon);
        }
    }

    private sealed class FormulaGroup(IEnumerable<Parameter<T>> parameters) : OwnAdamGroup(parameters)
    {
        protected override void Update(UpdateStep<T> step) => step.Apply(
            new Rule(Beta1, Beta2, LearningRate / (1 - Math.Pow(Beta1, step.Number)), Math.Sqrt(1 - Math.Pow(Beta2, step.Number)), Epsilon), ExpAvg, ExpAvgSq);

        private readonly struct Rule(double beta1, double beta2, double size, double correction, double epsilon) : IUpdateRule<T>
        {
            public static int Buffers => 2;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void Apply<V>(V g, ref V p, ref V m, ref V v, ref V _) where V : unmanaged, IVector<V, T>
            {
                m = beta1 * m + (1 - beta1) * g;
                v = beta2 * v + (1 - beta2) * g * g;
                p -= size * m / (V.Sqrt(v) / correction + epsilon);
            }
        }
    }

    private sealed class SpanGroup(IEnumerable<Parameter<T>> parameters) : OwnAdamGroup(parameters)
    {
        protected override void Update(UpdateStep<T> step)
        {
            T beta1 = T.CreateChecked(Beta1), beta2 = T.CreateChecked(Beta2), epsilon = T.CreateChecked(Epsilon);
            T rest1 = T.CreateChecked(1 - Beta1), rest2 = T.CreateChecked(1 - Beta2);
            foreach (var parameter in step)
            {
                T size = T.CreateChecked(LearningRate / (1 - Math.Pow(Beta1, parameter.Number))), correction = T.CreateChecked(Math.Sqrt(1 - Math.Pow(Beta2, parameter.Number)));
                Span<T> p = parameter.Values, m = parameter[ExpAvg], v = parameter[ExpAvgSq];
                var g = parameter.Gradient;
                for (var i = 0; i < p.Length; i++)
                {
                    m[i] = beta1 * m[i] + rest1 * g[i];
                    v[i] = beta2 * v[i] + rest2 * g[i] * g[i];
                    p[i] -= size * m[i] / (T.Sqrt(v[i]) / correction + epsilon);
                }
            }
        }
    }

    private static readonly (string Name, Func<IEnumerable<Parameter<T>>, WeightDecayMode, bool, ParameterGroup<T>> Make)[] Kinds =
    [
        ("library", (p, mode, maximize) => new AdamGroup<T>(p) { LearningRate = 0.05, WeightDecay = 0.3, WeightDecayMode = mode, Maximize = maximize }),
        ("formula", (p, mode, maximize) => new FormulaGroup(p) { LearningRate = 0.05, WeightDecay = 0.3, WeightDecayMode = mode, Maximize = maximize }),
        ("spans", (p, mode, maximize) => new SpanGroup(p) { LearningRate = 0.05, WeightDecay = 0.3, WeightDecayMode = mode, Maximize = maximize }),
    ];

    [Theory]
    [InlineData(WeightDecayMode.Coupled, false)]
    [InlineData(WeightDecayMode.Coupled, true)]
    [InlineData(WeightDecayMode.Decoupled, false)]
    [InlineData(WeightDecayMode.Decoupled, true)]
    public void Formula_and_spans_give_the_librarys_bits(WeightDecayMode mode, bool maximize)
    {
        T[][] values = [.. Kinds.Select(kind =>
        {
            var (body, head) = (Trajectory.Parameters<T>((37, 3, 1)), Trajectory.Parameters<T>((2, 2, 2)));
            var optimizer = new Optimizer<T>(kind.Make(body, mode, maximize), kind.Make(head, mode, maximize));
            var scheduler = new OneCycleLR(optimizer, 0.1, totalSteps: 20);
            for (var step = 0; step < 20; step++)
            {
                Trajectory.SetGradients(optimizer.Parameters, 10 * step);
                body[1].Frozen = step is > 3 and < 7;
                optimizer.Step();
                scheduler.Step();
                if (step == 9) optimizer.SetState(optimizer.GetState());
            }

            return optimizer.Parameters.SelectMany(p => p.Values.ToArray()).ToArray();
        })];
        values[1].Should().Equal(values[0]);
        values[2].Should().Equal(values[0]);
    }

    [Fact]
    public void Their_states_are_AdamWs()
    {
        var states = Kinds.Select(kind =>
        {
            var optimizer = new Optimizer<T>(kind.Make(Trajectory.Parameters<T>((3, 2, 1)), WeightDecayMode.Decoupled, false));
            Trajectory.SetGradients(optimizer.Parameters, 1);
            optimizer.Step();
            return optimizer.GetState();
        }).ToArray();
        foreach (var state in states[1..])
        {
            state.Arrays.Keys.Should().Equal(states[0].Arrays.Keys);
            state.Arrays.SelectMany(array => array.Value).Should().Equal(states[0].Arrays.SelectMany(array => array.Value));
            state.Numbers.Should().Equal(states[0].Numbers.Where(number => number.Key != "groups.0.amsgrad"));
        }
    }

    [Fact]
    public void A_steady_step_allocates_nothing()
    {
        foreach (var kind in Kinds)
        {
            var optimizer = new Optimizer<T>(kind.Make(Trajectory.Parameters<T>((33, 3, 1)), WeightDecayMode.Coupled, true));
            Trajectory.SetGradients(optimizer.Parameters, 5);
            optimizer.Step();
            Allocation.Least(() =>
            {
                for (var i = 0; i < 100; i++) optimizer.Step();
            }).Should().Be(0, kind.Name);
        }
    }

    /// <summary>SGD with decoupled weight decay is PyTorch's SGD after p *= 1 - lr λ, and with coupled decay PyTorch's with that decay.</summary>
    [Fact]
    public void Both_kinds_of_weight_decay_agree_with_PyTorch() => Gen.Select(Trajectory.Shape, Trajectory.Momentum, Gen.Double[0.01, 0.5]).ForAll(with =>
    {
        var (shape, momentum, decay) = with;
        Trajectory.Compare<T>("SGD", shape,
            p => new SGD<T>(new SGDGroup<T>(p) { LearningRate = 0.05, Momentum = momentum, WeightDecay = decay, WeightDecayMode = WeightDecayMode.Decoupled }),
            p => torch.optim.SGD(p, 0.05, momentum), keep: 1 - 0.05 * decay);
        Trajectory.Compare<T>("SGD", shape,
            p => new SGD<T>(new SGDGroup<T>(p) { LearningRate = 0.05, Momentum = momentum, WeightDecay = decay, WeightDecayMode = WeightDecayMode.Coupled }),
            p => torch.optim.SGD(p, 0.05, momentum, weight_decay: decay));
    }, count: 25);

    /// <summary>What a rule may do wrong.</summary>
    private sealed class BadGroup(IEnumerable<Parameter<T>> parameters) : ParameterGroup<T>(parameters, learningRate: 0.1)
    {
        public delegate void Rules(UpdateStep<T> step);

        public required Rules Rule { get; init; }

        public StateBuffer<T> Add(string name) => Register(name);

        protected override void Update(UpdateStep<T> step) => Rule(step);

        public readonly struct One : IUpdateRule<T>
        {
            public static int Buffers => 1;

            public void Apply<V>(V g, ref V p, ref V a, ref V b, ref V c) where V : unmanaged, IVector<V, T> => a += g;
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(0.5)]
    public void A_rule_over_spans_sees_the_gradient_with_its_decay(double decay)
    {
        Parameter<T>[] p = [new VectorParameter<T>("p", 2)];
        (p[0].Values[0], p[0].Values[1], p[0].Gradients[0], p[0].Gradients[1]) = (T.CreateChecked(4), T.CreateChecked(-8), T.One, T.CreateChecked(2));
        T[] seen = [];
        var group = new BadGroup(p) { Rule = step => { foreach (var each in step) seen = each.Gradient.ToArray(); } };
        group.WeightDecay = decay;
        group.Step();
        seen.Should().Equal(T.CreateChecked(1 + 4 * decay), T.CreateChecked(2 - 8 * decay));
    }

    [Fact]
    public void A_buffer_is_new_to_each_parameter_until_it_is_asked_for()
    {
        var p = Trajectory.Parameters<T>((3, 2, 1));
        var seen = new List<bool>();
        StateBuffer<T>? own = null;
        var group = new BadGroup(p)
        {
            Rule = step =>
            {
                foreach (var each in step)
                {
                    seen.Add(each.IsNew(own!));
                    if (seen.Count > 1) each[own!].Clear();
                    seen.Add(each.IsNew(own!));
                }
            },
        };
        own = group.Add("own");
        group.Step();
        group.Step();
        seen.Take(4).Should().Equal([true, true, true, false], "the first parameter's was not asked for");
        seen.Skip(4).Should().Equal(true, false, false, false);
    }

    [Fact]
    public void What_a_rule_does_wrong_is_refused_before_anything_is_moved()
    {
        var p = Trajectory.Parameters<T>((3, 2, 1));
        var foreign = new BadGroup(p) { Rule = _ => { } }.Add("foreign");
        StateBuffer<T>? own = null;
        (string Message, BadGroup.Rules Rule)[] wrong =
        [
            ("Bad expects as many buffers as One uses, 1, but there are 0. (Parameter 'a')", step => step.Apply(default(BadGroup.One))),
            ("Bad expects as many buffers as One uses, 1, but there are 2. (Parameter 'a')", step => step.Apply(default(BadGroup.One), own, own)),
            ("Bad expects a buffer that this group has registered, but \"foreign\" is another group's. (Parameter 'buffer')", step => step.Apply(default(BadGroup.One), foreign)),
            ("Bad expects a buffer that this group has registered, but \"foreign\" is another group's. (Parameter 'buffer')", step => step.IsNew(foreign)),
            ("Bad expects a buffer that this group has registered, but \"foreign\" is another group's. (Parameter 'buffer')", step => { foreach (var each in step) each[foreign].Clear(); }),
            ("Value cannot be null. (Parameter 'buffer')", step => { foreach (var each in step) each[null!].Clear(); }),
        ];
        foreach (var (message, rule) in wrong)
        {
            var group = new BadGroup(p) { Rule = rule };
            own = group.Add("own");
            group.Invoking(each => each.Step()).Should().Throw<ArgumentException>().WithMessage(message);
            group.StepCount(p[0]).Should().Be(0);
        }

        var twice = new BadGroup(p) { Rule = step => { foreach (var _ in step) { } step.Apply(default(BadGroup.One), own); } };
        own = twice.Add("own");
        twice.Invoking(each => each.Step()).Should().Throw<InvalidOperationException>().WithMessage("Bad has moved the parameters in this step already; *");
    }

    [Fact]
    public void Names_of_buffers_are_different_from_each_other()
    {
        var group = new BadGroup(Trajectory.Parameters<T>((1, 1, 1))) { Rule = _ => { } };
        group.Add("sum").ToString().Should().Be("sum");
        foreach (var name in (string[])["sum", "step"])
        {
            var taken = () => group.Add(name);
            taken.Should().Throw<ArgumentException>().WithMessage($"Bad: the name \"{name}\" is taken; *(Parameter 'name')");
        }

        for (var i = 1; i < 32; i++) group.Add($"{i}");
        var many = () => group.Add("last");
        many.Should().Throw<ArgumentException>().WithMessage("Bad expects at most 32 buffers, but \"last\" is one more. (Parameter 'name')");
    }
}

public sealed class OwnRuleDoubleTests : OwnRuleTests<double>;

public sealed class OwnRuleSingleTests : OwnRuleTests<float>;
