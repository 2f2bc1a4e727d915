using System.Numerics;
using CsCheck;
using FluentAssertions;
using TorchSharp;
using Xunit;

namespace Backprop.Tests;

/// <summary>A frozen parameter is passed over as PyTorch passes over one without a gradient: value, moments and step count stay, and then go on.</summary>
public abstract class FreezingTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    // Bits of it freeze a parameter in a step: so both, one or none, from the start, at the end, and back and forth.
    private static readonly Gen<(ulong Weight, ulong Bias)> Plan = Gen.Select(Gen.OneOf(Gen.ULong, Gen.Const(0ul), Gen.Const(0x3FFul), Gen.Const(~0x3FFul)), Gen.ULong);

    private static readonly (string Name, Func<Parameter<T>[], Optimizer<T>> Make, Func<TorchSharp.Modules.Parameter[], TorchSharp.Modules.OptimizerHelper> MakeTwin)[] Kinds =
    [
        ("SGD", p => new SGD<T>(p, 0.05, weightDecay: 0.1), p => torch.optim.SGD(p, 0.05, weight_decay: 0.1)),
        ("SGD", p => new SGD<T>(p, 0.05, 0.9, 0.5, 0.1), p => torch.optim.SGD(p, 0.05, 0.9, 0.5, 0.1)),
        ("SGD", p => new SGD<T>(p, 0.05, 0.9, nesterov: true), p => torch.optim.SGD(p, 0.05, 0.9, nesterov: true)),
        ("Adam", p => new Adam<T>(p, 0.05, epsilon: 1e-3, weightDecay: 0.1), p => torch.optim.Adam(p, 0.05, eps: 1e-3, weight_decay: 0.1)),
        ("Adam", p => new Adam<T>(p, 0.05, epsilon: 1e-3, amsgrad: true), p => torch.optim.Adam(p, 0.05, eps: 1e-3, amsgrad: true)),
        ("AdamW", p => new AdamW<T>(p, 0.05, epsilon: 1e-3, weightDecay: 0.3), p => torch.optim.AdamW(p, 0.05, eps: 1e-3, weight_decay: 0.3)),
        ("RMSprop", p => new RMSprop<T>(p, 0.01, 0.9, 1e-3, 0.1, 0.9, centered: true), p => torch.optim.RMSProp(p, 0.01, 0.9, 1e-3, 0.1, 0.9, centered: true)),
        ("Adagrad", p => new Adagrad<T>(p, 0.05, 0.1, 0.1, 0.5), p => new AdagradTwin(p, 0.05, 0.1, 0.1, 0.5)),
    ];

    public static TheoryData<int> Numbers => [.. Enumerable.Range(0, Kinds.Length)];

    [Theory]
    [MemberData(nameof(Numbers))]
    public void Steps_agree_with_PyTorch(int kind) => Gen.Select(Trajectory.Shape, Plan).ForAll(with =>
    {
        var (shape, plan) = with;
        Trajectory.Compare(Kinds[kind].Name, shape, Kinds[kind].Make, Kinds[kind].MakeTwin,
            isFrozen: (step, i) => ((i == 0 ? plan.Weight : plan.Bias) >> step & 1) != 0);
    }, count: 20);

    [Fact]
    public void Parameters_that_made_as_many_steps_may_remember_different_things()
    {
        // One made its step before there was momentum and has nothing to remember, the other after: together they move as each does alone.
        var (both, alone) = (Trajectory.Parameters<T>((5, 3, 1)), Trajectory.Parameters<T>((5, 3, 1)));
        SGDGroup<T> New(params Parameter<T>[] parameters) => new(parameters) { LearningRate = 0.05 };
        var (together, groups) = (New(both), new[] { New(alone[0]), New(alone[1]) });
        for (var step = 0; step < 5; step++)
        {
            Trajectory.SetGradients(both, step);
            Trajectory.SetGradients(alone, step);
            foreach (var parameters in (Parameter<T>[][])[both, alone]) (parameters[0].Frozen, parameters[1].Frozen) = (step == 1, step == 0);
            foreach (var group in (SGDGroup<T>[])[together, .. groups])
            {
                group.Momentum = step == 0 ? 0 : 0.9;
                new Optimizer<T>(group).Step();
            }

            for (var i = 0; i < 2; i++) both[i].Values.ToArray().Should().Equal(alone[i].Values.ToArray(), $"step {step}");
        }
    }

    [Theory]
    [MemberData(nameof(Numbers))]
    public void A_parameter_goes_on_as_if_the_frozen_steps_had_not_been(int kind)
    {
        var (p, q) = (Trajectory.Parameters<T>((5, 3, 1)), Trajectory.Parameters<T>((5, 3, 1)));
        var (optimizer, other) = (Kinds[kind].Make(p), Kinds[kind].Make(q));
        for (var step = 0; step < 30; step++)
        {
            Trajectory.SetGradients(p, step);
            Trajectory.SetGradients(q, step);
            q[1].Frozen = step is < 5 or (> 10 and < 20);
            optimizer.Step();
            var before = q[1].Values.ToArray();
            other.Step();
            if (q[1].Frozen) q[1].Values.ToArray().Should().Equal(before);
        }

        // The weight was never frozen; the bias has made 16 steps, here alone.
        q[0].Values.ToArray().Should().Equal(p[0].Values.ToArray());
        q[1].Frozen = false;
        (other.Groups[0].StepCount(q[0]), other.Groups[0].StepCount(q[1])).Should().Be((30, 16));
        var alone = Trajectory.Parameters<T>((5, 3, 1));
        var third = Kinds[kind].Make([alone[1]]);
        for (var step = 0; step < 30; step++)
        {
            if (step is < 5 or (> 10 and < 20)) continue;
            Trajectory.SetGradients([alone[1]], step + 1);
            third.Step();
        }

        alone[1].Values.ToArray().Should().Equal(q[1].Values.ToArray());
    }

    [Theory]
    [MemberData(nameof(Numbers))]
    public void Freezing_and_growing_between_steps_resume_with_the_same_bits(int kind)
    {
        var (optimizer, other) = (Grown(), Grown());
        Run(optimizer, 0, 12);
        var (state, values) = (optimizer.GetState(), optimizer.Parameters.Select(p => p.Values.ToArray()).ToArray());
        optimizer.Parameters.Select((_, i) => state.Numbers[$"{i}.step"]).Should().Equal(12, 8, 6, 6);
        Run(optimizer, 12, 24);

        for (var i = 0; i < values.Length; i++) values[i].CopyTo(other.Parameters[i].Values);
        other.SetState(state);
        other.GetState().Numbers.Should().Equal(state.Numbers);
        Run(other, 12, 24);
        for (var i = 0; i < values.Length; i++) other.Parameters[i].Values.ToArray().Should().Equal(optimizer.Parameters[i].Values.ToArray());
        other.GetState().Numbers.Should().Equal(optimizer.GetState().Numbers);

        Optimizer<T> Grown()
        {
            var grown = Kinds[kind].Make(Trajectory.Parameters<T>((7, 2, 1)));
            grown.AddGroup(Kinds[kind].Make(Trajectory.Parameters<T>((2, 2, 5))).Groups[0]);
            return grown;
        }

        // The first bias is frozen in every third step; the second group is frozen until step 6, and as good as added there.
        static void Run(Optimizer<T> optimizer, int from, int to)
        {
            for (var step = from; step < to; step++)
            {
                Trajectory.SetGradients(optimizer.Parameters, 10 * step);
                for (var i = 0; i < 4; i++) optimizer.Parameters[i].Frozen = i == 1 ? step % 3 == 0 : i > 1 && step < 6;
                optimizer.Step();
            }
        }
    }

    [Fact]
    public void A_group_that_is_added_between_steps_resumes_with_the_same_bits()
    {
        var (early, late) = (Trajectory.Parameters<T>((3, 2, 1)), Trajectory.Parameters<T>((2, 2, 2)));
        var adam = new Adam<T>(early, 0.1);
        Run(adam, 0, 4);
        adam.AddGroup(new AdamGroup<T>(late) { LearningRate = 0.2 });
        Run(adam, 4, 7);
        var (state, values) = (adam.GetState(), adam.Parameters.Select(p => p.Values.ToArray()).ToArray());
        Run(adam, 7, 12);

        var resumed = new Adam<T>(new AdamGroup<T>(Trajectory.Parameters<T>((3, 2, 8))), new AdamGroup<T>(Trajectory.Parameters<T>((2, 2, 9))));
        for (var i = 0; i < values.Length; i++) values[i].CopyTo(resumed.Parameters[i].Values);
        resumed.SetState(state);
        Run(resumed, 7, 12);
        for (var i = 0; i < values.Length; i++) resumed.Parameters[i].Values.ToArray().Should().Equal(adam.Parameters[i].Values.ToArray());

        static void Run(Optimizer<T> optimizer, int from, int to)
        {
            for (var step = from; step < to; step++)
            {
                Trajectory.SetGradients(optimizer.Parameters, 10 * step);
                optimizer.Step();
            }
        }
    }

    [Fact]
    public void Gradients_of_frozen_parameters_are_zeroed()
    {
        var p = Trajectory.Parameters<T>((3, 2, 1));
        Trajectory.SetGradients(p, 1);
        p[0].Frozen = true;
        new SGD<T>(p).ZeroGradients();
        p.Should().AllSatisfy(each => each.Gradients.ToArray().Should().AllBeEquivalentTo(T.Zero));
    }

    [Theory]
    [MemberData(nameof(Numbers))]
    public void A_steady_step_of_parameters_that_have_come_differently_far_allocates_nothing(int kind)
    {
        var p = Trajectory.Parameters<T>((5, 3, 1));
        var optimizer = Kinds[kind].Make(p);
        Trajectory.SetGradients(p, 1);
        p[0].Frozen = true;
        optimizer.Step();
        p[0].Frozen = false;
        optimizer.Step();
        Allocation.Least(() =>
        {
            for (var i = 0; i < 100; i++)
            {
                p[1].Frozen = i % 2 == 0;
                optimizer.Step();
            }
        }).Should().Be(0);
    }
}

public sealed class FreezingDoubleTests : FreezingTests<double>;

public sealed class FreezingSingleTests : FreezingTests<float>;
