using System.Numerics;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests;

public abstract class OptimizerTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Every rule of every optimizer.</summary>
    private static readonly (string Name, Func<IEnumerable<Parameter<T>>, ParameterGroup<T>> Make)[] Kinds =
    [
        ("SGD", p => new SGDGroup<T>(p) { LearningRate = 0.1 }),
        ("SGD, momentum", p => new SGDGroup<T>(p) { LearningRate = 0.1, Momentum = 0.9, Dampening = 0.1, WeightDecay = 0.1 }),
        ("SGD, nesterov", p => new SGDGroup<T>(p) { LearningRate = 0.1, Momentum = 0.9, Nesterov = true, Maximize = true }),
        ("Adam", p => new AdamGroup<T>(p) { LearningRate = 0.1 }),
        ("Adam, amsgrad", p => new AdamGroup<T>(p) { LearningRate = 0.1, AMSGrad = true, Beta2 = 0.5, WeightDecay = 0.1 }),
        ("AdamW", p => new AdamWGroup<T>(p) { LearningRate = 0.1, WeightDecay = 0.5 }),
        ("RMSprop", p => new RMSpropGroup<T>(p)),
        ("RMSprop, centered", p => new RMSpropGroup<T>(p) { Centered = true }),
        ("RMSprop, momentum", p => new RMSpropGroup<T>(p) { Momentum = 0.9 }),
        ("RMSprop, both", p => new RMSpropGroup<T>(p) { Centered = true, Momentum = 0.9, WeightDecay = 0.1 }),
        ("Adagrad", p => new AdagradGroup<T>(p) { LearningRateDecay = 0.1, InitialAccumulatorValue = 0.5 }),
    ];

    public static TheoryData<int> Numbers => [.. Enumerable.Range(0, Kinds.Length)];

    [Theory]
    [MemberData(nameof(Numbers))]
    public void A_step_has_the_same_bits_wherever_a_value_lies(int kind)
    {
        for (var count = 1; count <= 40; count++)
        {
            var p = new VectorParameter<T>("p", count);
            p.Values.Fill(T.CreateChecked(0.7));
            var optimizer = new Optimizer<T>(Kinds[kind].Make([p]));
            for (var step = 1; step <= 5; step++)
            {
                p.Gradients.Fill(T.CreateChecked(step * 0.3 - 0.8));
                optimizer.Step();
            }

            var (values, alone) = (p.Values.ToArray(), Kinds[kind].Make([new VectorParameter<T>("q", 1)]));
            values.Should().AllBeEquivalentTo(values[0], "{0} of {1}", Kinds[kind].Name, count);
            alone.Parameters[0].Values[0] = T.CreateChecked(0.7);
            for (var step = 1; step <= 5; step++)
            {
                alone.Parameters[0].Gradients[0] = T.CreateChecked(step * 0.3 - 0.8);
                alone.Step();
            }

            alone.Parameters[0].Values[0].Should().Be(values[0]);
        }
    }

    [Theory]
    [MemberData(nameof(Numbers))]
    public void A_steady_step_allocates_nothing(int kind)
    {
        var optimizer = new Optimizer<T>(Kinds[kind].Make(Trajectory.Parameters<T>((33, 3, 1))), Kinds[kind].Make(Trajectory.Parameters<T>((1, 1, 1))));
        Trajectory.SetGradients(optimizer.Parameters, 5);
        optimizer.Step();
        GradientClipping.ByNorm(optimizer.Parameters, 1);
        GradientClipping.ByValue(optimizer.Parameters, 1);
        optimizer.ZeroGradients();

        Allocation.Least(() =>
        {
            for (var i = 0; i < 100; i++)
            {
                GradientClipping.ByNorm(optimizer.Parameters, 1);
                GradientClipping.ByValue(optimizer.Parameters, 1);
                optimizer.Step();
                optimizer.ZeroGradients();
            }
        }).Should().Be(0, "{0}", Kinds[kind].Name);
    }

    [Fact]
    public void Without_momentum_there_is_nothing_to_remember_it_by()
    {
        foreach (var group in (ParameterGroup<T>[])[new RMSpropGroup<T>([new VectorParameter<T>("p", 2)]), new SGDGroup<T>([new VectorParameter<T>("p", 2)])])
        {
            var optimizer = new Optimizer<T>(group);
            optimizer.Step();
            optimizer.GetState().Arrays.Keys.Should().NotContain(name => name.Contains("momentum_buffer", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void A_group_of_its_own_has_PyTorchs_defaults()
    {
        Parameter<T>[] Some() => [new VectorParameter<T>("p", 2)];
        new ParameterGroup[] { new SGDGroup<T>(Some()), new AdamGroup<T>(Some()), new AdamWGroup<T>(Some()), new RMSpropGroup<T>(Some()), new AdagradGroup<T>(Some()) }.Select(group => group.LearningRate).Should().Equal(1e-3, 1e-3, 1e-3, 1e-2, 1e-2);
        new SGDGroup<T>(Some()) { Momentum = 0.25 }.CycledMomentum.Should().Be(0.25);
        new RMSpropGroup<T>(Some()) { Momentum = 0.25 }.CycledMomentum.Should().Be(0.25);
        new AdamGroup<T>(Some()) { Beta1 = 0.25 }.CycledMomentum.Should().Be(0.25);
        new AdagradGroup<T>(Some()).CycledMomentum.Should().BeNull();
        new AdagradGroup<T>(Some()).Epsilon.Should().Be(1e-10);
        (new RMSpropGroup<T>(Some()).Alpha, new RMSpropGroup<T>(Some()).Epsilon).Should().Be((0.99, 1e-8));
        new AdagradGroup<T>(Some()) { InitialAccumulatorValue = 0.25 }.InitialAccumulatorValue.Should().Be(0.25);
    }

    [Fact]
    public void Each_group_moves_as_if_it_were_alone()
    {
        var together = Kinds.Select((kind, i) => kind.Make(Trajectory.Parameters<T>((i + 1, 2, i)))).ToArray();
        var alone = Kinds.Select((kind, i) => kind.Make(Trajectory.Parameters<T>((i + 1, 2, i)))).ToArray();
        var optimizer = new Optimizer<T>(together);
        for (var step = 0; step < 10; step++)
        {
            foreach (var group in together.Concat(alone)) Trajectory.SetGradients(group.Parameters, step);
            optimizer.Step();
            foreach (var group in alone) new Optimizer<T>(group).Step();
        }

        Values(together).Should().Equal(Values(alone));
        optimizer.Parameters.Should().Equal(together.SelectMany(group => group.Parameters));
        together.Should().AllSatisfy(group => group.Parameters.Should().AllSatisfy(p => group.StepCount(p).Should().Be(10)));
    }

    [Fact]
    public void A_group_that_joins_later_starts_from_its_own_first_step()
    {
        var (early, late, alone) = (Trajectory.Parameters<T>((2, 2, 1)), Trajectory.Parameters<T>((3, 2, 1)), Trajectory.Parameters<T>((3, 2, 1)));
        var adam = new Adam<T>(early, 0.1);
        adam.Step();
        adam.AddGroup(new AdamGroup<T>(late) { LearningRate = 0.2 });
        var other = new Adam<T>(alone, 0.2);
        for (var step = 0; step < 5; step++)
        {
            Trajectory.SetGradients(late, step);
            Trajectory.SetGradients(alone, step);
            adam.Step();
            other.Step();
        }

        late.SelectMany(p => p.Values.ToArray()).Should().Equal(alone.SelectMany(p => p.Values.ToArray()));
        adam.Groups.Select(group => group.StepCount(group.Parameters[0])).Should().Equal(6, 5);
    }

    /// <summary>In the middle of a run: the state goes to a new optimizer over copies of the parameters, and the old one goes back to it.</summary>
    [Theory]
    [MemberData(nameof(Numbers))]
    public void A_restored_state_goes_on_with_the_same_bits(int kind)
    {
        var (body, head) = (Trajectory.Parameters<T>((7, 3, 1)), Trajectory.Parameters<T>((2, 2, 2)));
        var optimizer = new Optimizer<T>(Kinds[kind].Make(body), Kinds[kind].Make(head));
        Run(optimizer, 0, 10);
        optimizer.Groups[1].LearningRate = 0.03;
        var (state, values) = (optimizer.GetState(), optimizer.Parameters.Select(p => p.Values.ToArray()).ToArray());
        Run(optimizer, 10, 20);
        var uninterrupted = Values(optimizer.Groups);

        var resumed = new Optimizer<T>(Kinds[kind].Make(Trajectory.Parameters<T>((7, 3, 8))), Kinds[kind].Make(Trajectory.Parameters<T>((2, 2, 9))));
        foreach (var other in (Optimizer<T>[])[resumed, optimizer])
        {
            for (var i = 0; i < values.Length; i++) values[i].CopyTo(other.Parameters[i].Values);
            other.SetState(state);
            other.GetState().Numbers.Should().Equal(state.Numbers);
            Run(other, 10, 20);
            Values(other.Groups).Should().Equal(uninterrupted);
        }

        resumed.Groups.Select(group => group.StepCount(group.Parameters[1])).Should().Equal(20, 20);
    }

    [Theory]
    [MemberData(nameof(Numbers))]
    public void A_state_before_the_first_step_takes_the_buffers_away(int kind)
    {
        var parameters = Trajectory.Parameters<T>((7, 3, 1));
        var optimizer = new Optimizer<T>(Kinds[kind].Make(parameters));
        var state = optimizer.GetState();
        state.Arrays.Should().BeEmpty();
        Run(optimizer, 0, 10);
        var once = Values(optimizer.Groups);
        optimizer.SetState(state);
        var start = Trajectory.Parameters<T>((7, 3, 1));
        for (var i = 0; i < start.Length; i++) start[i].Values.CopyTo(parameters[i].Values);
        Run(optimizer, 0, 10);
        Values(optimizer.Groups).Should().Equal(once);
    }

    [Fact]
    public void The_states_names_are_PyTorchs_where_it_has_the_value_too()
    {
        var adam = new Adam<T>(new AdamGroup<T>(Trajectory.Parameters<T>((2, 3, 1))) { AMSGrad = true }, new AdamGroup<T>(Trajectory.Parameters<T>((1, 1, 1))));
        adam.Step();
        var state = adam.GetState();
        state.Numbers.Keys.SkipWhile(key => key != "groups.1.lr").Should().Equal(
            "groups.1.lr", "groups.1.weight_decay", "groups.1.decoupled_weight_decay", "groups.1.maximize", "groups.1.beta1", "groups.1.beta2", "groups.1.eps", "groups.1.amsgrad",
            "2.step", "2.exp_avg", "2.exp_avg_sq", "3.step", "3.exp_avg", "3.exp_avg_sq");
        state.Arrays.Keys.Should().Equal(
            "0.exp_avg", "0.exp_avg_sq", "0.max_exp_avg_sq", "1.exp_avg", "1.exp_avg_sq", "1.max_exp_avg_sq", "2.exp_avg", "2.exp_avg_sq", "3.exp_avg", "3.exp_avg_sq");
        state.Arrays["0.exp_avg"].Should().HaveCount(6);
    }

    public static TheoryData<string, Action<Dictionary<string, double>, Dictionary<string, T[]>>> Unfit => new()
    {
        { "groups.0.momentum is missing", (numbers, _) => numbers.Remove("groups.0.momentum") },
        { "1.step is missing; groups.1.lr is missing", (numbers, _) => { numbers.Remove("groups.1.lr"); numbers.Remove("1.step"); } },
        { "1.momentum_buffer is missing", (_, arrays) => arrays.Remove("1.momentum_buffer") },
        { "1.momentum_buffer is missing", (_, arrays) => arrays["1.momentum_buffer"] = null! },
        { "1.momentum_buffer has 3 values, but bias (2) has 2", (_, arrays) => arrays["1.momentum_buffer"] = new T[3] },
        { "0.exp_avg is not known here", (_, arrays) => arrays["0.exp_avg"] = new T[6] },
        { "2.momentum_buffer is not known here", (numbers, _) => numbers.Remove("2.momentum_buffer") },
        { "groups.0.decoupled_weight_decay is 1 there and 0 here", (numbers, _) => numbers["groups.0.decoupled_weight_decay"] = 1 },
        { "groups.2.lr is not known here", (numbers, _) => numbers["groups.2.lr"] = 1 },
        { "groups.0.nesterov is 1 there and 0 here", (numbers, _) => numbers["groups.0.nesterov"] = 1 },
        { "groups.1.dampening is 0.25 there and 0 here", (numbers, _) => numbers["groups.1.dampening"] = 0.25 },
        { "1.step is 1.5, which is no count", (numbers, _) => numbers["1.step"] = 1.5 },
        { "1.step is -1, which is no count", (numbers, _) => numbers["1.step"] = -1 },
        { "1.step is NaN, which is no count", (numbers, _) => numbers["1.step"] = double.NaN },
    };

    [Theory]
    [MemberData(nameof(Unfit), DisableDiscoveryEnumeration = true)]
    public void A_state_that_does_not_fit_is_refused_and_changes_nothing(string problem, Action<Dictionary<string, double>, Dictionary<string, T[]>> spoil) =>
        ShouldRefuse(spoil, $"SGD cannot go on from this state: {problem}. (Parameter 'state')");

    [Fact]
    public void A_state_with_values_that_are_none_is_refused_and_changes_nothing()
    {
        ShouldRefuse((numbers, _) => numbers["groups.1.lr"] = -1, "SGD expects learningRate to be finite and at least 0, but it is -1. (Parameter 'learningRate')");
        ShouldRefuse((numbers, _) => numbers["groups.1.initial_lr"] = -1, "SGD expects initialLearningRate to be finite and at least 0, but it is -1. (Parameter 'initialLearningRate')");
        ShouldRefuse((numbers, _) => numbers["groups.1.momentum"] = double.NaN, "SGD expects momentum to be finite and at least 0, but it is NaN. (Parameter 'momentum')");
    }

    [Fact]
    public void Another_optimizers_state_is_refused()
    {
        var sgd = new SGD<T>(Trajectory.Parameters<T>((2, 3, 1)), momentum: 0.9);
        var adam = new Adam<T>(Trajectory.Parameters<T>((2, 3, 1)));
        var adamW = new AdamW<T>(Trajectory.Parameters<T>((2, 3, 1)));
        foreach (Optimizer<T> optimizer in (Optimizer<T>[])[sgd, adam, adamW]) optimizer.Step();
        var toAdam = () => adam.SetState(sgd.GetState());
        toAdam.Should().Throw<ArgumentException>().WithMessage("Adam cannot go on from this state: groups.0.beta1 is missing; *groups.0.momentum is not known here*0.momentum_buffer is not known here; *1.momentum_buffer is not known here*");
        var toAdamW = () => adamW.SetState(adam.GetState());
        toAdamW.Should().Throw<ArgumentException>().WithMessage("AdamW cannot go on from this state: groups.0.decoupled_weight_decay is 0 there and 1 here. (Parameter 'state')");
        var nothing = () => adam.SetState(null!);
        nothing.Should().Throw<ArgumentNullException>().WithParameterName("state");
    }

    [Fact]
    public void A_group_that_does_not_fit_is_refused_and_changes_nothing()
    {
        var p = Trajectory.Parameters<T>((2, 3, 1));
        var sgd = new SGD<T>(p);
        var twice = () => sgd.AddGroup(new SGDGroup<T>([p[1]]));
        twice.Should().Throw<ArgumentException>().WithMessage("SGD expects each parameter once, but bias (2) is there twice. (Parameter 'group')");
        var lacking = () => sgd.AddGroup(new SGDGroup<T>(Trajectory.Parameters<T>((1, 1, 1))) { Nesterov = true });
        lacking.Should().Throw<ArgumentException>().WithMessage("SGD expects a momentum above 0 *");
        var nothing = () => sgd.AddGroup(null!);
        nothing.Should().Throw<ArgumentNullException>().WithParameterName("group");
        (sgd.Groups.Count, sgd.Parameters.Count).Should().Be((1, 2));
    }

    [Fact]
    public void The_learning_rate_is_the_first_groups_and_sets_every_groups()
    {
        var sgd = new SGD<T>(
            new SGDGroup<T>(Trajectory.Parameters<T>((2, 3, 1))) { LearningRate = 0.1 },
            new SGDGroup<T>(Trajectory.Parameters<T>((2, 3, 1))) { LearningRate = 0.2 });
        sgd.LearningRate.Should().Be(0.1);
        var set = () => sgd.LearningRate = double.NaN;
        set.Should().Throw<ArgumentOutOfRangeException>().WithMessage("SGD expects learningRate to be finite and at least 0, but it is NaN. (Parameter 'learningRate')");
        sgd.Groups.Select(group => group.LearningRate).Should().Equal(0.1, 0.2);
        sgd.LearningRate = 0.3;
        sgd.Groups.Select(group => group.LearningRate).Should().Equal(0.3, 0.3);
    }

    [Fact]
    public void What_is_missing_and_what_is_foreign_can_be_asked()
    {
        var first = new Linear<T>(2, 3);
        var model = new Sequential<T> { { "first", first } };
        var sgd = new SGD<T>(model.Parameters);
        sgd.Missing(model).Should().BeEmpty();
        sgd.Foreign(model).Should().BeEmpty();

        var late = new Linear<T>(3, 2);
        model.Add("late", late);
        model.Add("again", late);
        sgd.Missing(model).Select(named => named.Name).Should().Equal("late.weight", "late.bias");
        late.Bias!.Frozen = true;
        sgd.Missing(model).Should().Equal([new NamedParameter<T>("late.weight", late.Weight)]);
        sgd.Foreign(late).Should().Equal(first.Parameters);

        Func<object>[] ask = [() => sgd.Missing(null!), () => sgd.Foreign(null!)];
        foreach (var nothing in ask) nothing.Should().Throw<ArgumentNullException>().WithParameterName("model");
    }

    [Fact]
    public void Groups_come_as_an_array_that_is_not_null()
    {
        SGDGroup<T>[] groups = [new(Trajectory.Parameters<T>((1, 1, 1))), new(Trajectory.Parameters<T>((2, 1, 1)))];
        new SGD<T>(groups).Groups.Should().Equal(groups);
        Func<object>[] make = [() => new SGD<T>((SGDGroup<T>[])null!), () => new Optimizer<T>((ParameterGroup<T>[])null!)];
        foreach (var nothing in make) nothing.Should().Throw<ArgumentNullException>().WithParameterName("groups");
        var hole = () => new SGD<T>(groups[0], null!);
        hole.Should().Throw<ArgumentNullException>().WithParameterName("group");
    }

    [Fact]
    public void A_step_count_is_that_of_a_parameter_of_the_group()
    {
        var sgd = new SGDGroup<T>(Trajectory.Parameters<T>((1, 1, 1)));
        var foreign = () => sgd.StepCount(new VectorParameter<T>("p", 2));
        foreign.Should().Throw<ArgumentException>().WithMessage("SGD expects one of the group's parameters, but p (2) is none. (Parameter 'parameter')");
        var nothing = () => sgd.StepCount(null!);
        nothing.Should().Throw<ArgumentNullException>().WithParameterName("parameter");
    }

    [Fact]
    public void A_weight_decay_of_no_kind_is_refused()
    {
        var make = () => new SGDGroup<T>(Trajectory.Parameters<T>((1, 1, 1))) { WeightDecayMode = (WeightDecayMode)7 };
        make.Should().Throw<ArgumentOutOfRangeException>().WithMessage("SGD expects weightDecayMode to be one of Coupled, Decoupled, but it is 7. (Parameter 'weightDecayMode')");
    }

    private static void ShouldRefuse(Action<Dictionary<string, double>, Dictionary<string, T[]>> spoil, string message)
    {
        var sgd = new SGD<T>(
            new SGDGroup<T>(Trajectory.Parameters<T>((2, 3, 1))) { Momentum = 0.9 },
            new SGDGroup<T>(Trajectory.Parameters<T>((1, 1, 1))) { Momentum = 0.5 });
        Run(sgd, 0, 3);
        var state = sgd.GetState();
        var (numbers, arrays) = (state.Numbers.ToDictionary(), state.Arrays.ToDictionary());
        Run(sgd, 3, 5);
        var before = sgd.GetState();
        spoil(numbers, arrays);

        var set = () => sgd.SetState(new(numbers, arrays));
        set.Should().Throw<ArgumentException>().WithMessage(message);
        var after = sgd.GetState();
        after.Numbers.Should().Equal(before.Numbers);
        after.Arrays.SelectMany(array => array.Value).Should().Equal(before.Arrays.SelectMany(array => array.Value));
    }

    private static void Run(Optimizer<T> optimizer, int from, int to)
    {
        for (var step = from; step < to; step++)
        {
            Trajectory.SetGradients(optimizer.Parameters, 10 * step);
            optimizer.Step();
        }
    }

    private static T[] Values(IEnumerable<ParameterGroup<T>> groups) => [.. groups.SelectMany(group => group.Parameters).SelectMany(p => p.Values.ToArray())];
}

public sealed class OptimizerDoubleTests : OptimizerTests<double>;

public sealed class OptimizerSingleTests : OptimizerTests<float>;
