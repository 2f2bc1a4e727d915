using FluentAssertions;
using TorchSharp;
using Xunit;

namespace Backprop.Tests;

public class SchedulerTests
{
    private const int Epochs = 40;

    // As in schedulers.py.
    private static readonly double[] Metrics = [1, 0.9, 0.8, 0.8, 0.8, 0.8, 0.85, 0.79999, 0.7, 0.7, 0.7, 0.7, 0.7, 0.69, 0.68, double.NaN, .. Enumerable.Repeat(0.9, 24)];

    private static readonly Dictionary<string, Func<Optimizer, LRScheduler[]>> Cases = new()
    {
        ["StepLR"] = o => [new StepLR(o, 7)],
        ["StepLR each"] = o => [new StepLR(o, 1, gamma: 0.9)],
        ["MultiStepLR"] = o => [new MultiStepLR(o, [30, 3, 11, 11, 12])],
        ["MultiStepLR 0"] = o => [new MultiStepLR(o, [0, 5], gamma: 0.5)],
        ["ExponentialLR"] = o => [new ExponentialLR(o, 0.93)],
        ["CosineAnnealingLR"] = o => [new CosineAnnealingLR(o, 10)],
        ["CosineAnnealingLR min"] = o => [new CosineAnnealingLR(o, 7, etaMin: 0.02)],
        ["CosineAnnealingLR 1"] = o => [new CosineAnnealingLR(o, 1, etaMin: 0.01)],
        ["CosineAnnealingLR long"] = o => [new CosineAnnealingLR(o, 1000)],
        ["LinearLR"] = o => [new LinearLR(o)],
        ["LinearLR down"] = o => [new LinearLR(o, startFactor: 1, endFactor: 0.25, totalIters: 20)],
        ["LinearLR 0"] = o => [new LinearLR(o, startFactor: 0.7, endFactor: 0, totalIters: 9)],
        ["OneCycleLR"] = o => [new OneCycleLR(o, 0.3, totalSteps: Epochs)],
        ["OneCycleLR linear"] = o => [new OneCycleLR(o, 0.3, totalSteps: Epochs + 1, annealStrategy: AnnealStrategy.Linear, pctStart: 0.25, divFactor: 10, finalDivFactor: 100)],
        ["OneCycleLR three"] = o => [new OneCycleLR(o, 0.3, totalSteps: Epochs, threePhase: true, baseMomentum: 0.6, maxMomentum: 0.9)],
        ["OneCycleLR three linear"] = o => [new OneCycleLR(o, 0.3, totalSteps: Epochs + 5, threePhase: true, annealStrategy: AnnealStrategy.Linear, pctStart: 0.4)],
        ["OneCycleLR start"] = o => [new OneCycleLR(o, 0.3, totalSteps: Epochs, pctStart: 0)],
        ["OneCycleLR groups"] = o => [new OneCycleLR(o, [0.3, 2], totalSteps: Epochs, cycleMomentum: false)],
        ["ReduceLROnPlateau"] = o => [new ReduceLROnPlateau(o, patience: 2)],
        ["ReduceLROnPlateau cooldown"] = o => [new ReduceLROnPlateau(o, factor: 0.5, patience: 1, cooldown: 3, minLearningRate: 0.02)],
        ["ReduceLROnPlateau absolute"] = o => [new ReduceLROnPlateau(o, patience: 0, threshold: 0.05, thresholdMode: ThresholdMode.Absolute, factor: 0.8, epsilon: 0.02)],
        ["ReduceLROnPlateau max"] = o => [new ReduceLROnPlateau(o, PlateauMode.Max, patience: 1, factor: 0.7)],
        ["ReduceLROnPlateau max absolute"] = o => [new ReduceLROnPlateau(o, PlateauMode.Max, patience: 3, factor: 0.7, threshold: 0.01, thresholdMode: ThresholdMode.Absolute)],
        ["LambdaLR"] = o => [new LambdaLR(o, epoch => 0.5 + 1 / (1.0 + epoch))],
        ["LambdaLR groups"] = o => [new LambdaLR(o, [epoch => Math.Pow(0.9, epoch), epoch => epoch % 3])],
        ["CosineAnnealingWarmRestarts"] = o => [new CosineAnnealingWarmRestarts(o, 7, etaMin: 0.01)],
        ["CosineAnnealingWarmRestarts longer"] = o => [new CosineAnnealingWarmRestarts(o, 3, tMult: 2)],
        ["CosineAnnealingWarmRestarts 1"] = o => [new CosineAnnealingWarmRestarts(o, 1, tMult: 3)],
        ["SequentialLR"] = o => [new SequentialLR(o, [new LinearLR(o, startFactor: 0.1, totalIters: 5), new CosineAnnealingLR(o, 20, etaMin: 0.01)], [5])],
        ["SequentialLR three"] = o => [new SequentialLR(o, [new ExponentialLR(o, 0.9), new StepLR(o, 2, gamma: 0.5), new LinearLR(o, startFactor: 0.5, totalIters: 4)], [3, 20])],
        ["SequentialLR restarts"] = o => [new SequentialLR(o, [new LinearLR(o, startFactor: 0.2, totalIters: 3), new CosineAnnealingWarmRestarts(o, 4, tMult: 2)], [4])],
        ["SequentialLR lambda"] = o => [new SequentialLR(o, [new MultiStepLR(o, [2, 4]), new LambdaLR(o, epoch => 1 / (1.0 + epoch))], [8])],
        ["ChainedScheduler"] = o => [new ChainedScheduler([new LinearLR(o, startFactor: 0.1, totalIters: 8), new ExponentialLR(o, 0.95), new CosineAnnealingLR(o, 15)])],
        ["chain"] = o => [new LinearLR(o, startFactor: 0.1, totalIters: 8), new ExponentialLR(o, 0.95), new CosineAnnealingLR(o, 15)],
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Fact]
    public void A_sequence_has_the_steps_of_its_parts_until_one_of_them_has_no_more()
    {
        var sgd = MakeOptimizer("SGD");
        OneCycleLR Cycle(int steps) => new(sgd, 0.5, steps, cycleMomentum: false);
        new SequentialLR(sgd, [Cycle(3), new ExponentialLR(sgd, 0.5)], [5]).RemainingSteps.Should().Be(3);
        new SequentialLR(sgd, [Cycle(4), new ExponentialLR(sgd, 0.5)], [5]).RemainingSteps.Should().BeNull("the fifth step is the other's");
        new SequentialLR(sgd, [new LinearLR(sgd), Cycle(2), new ExponentialLR(sgd, 0.5)], [3, 9]).RemainingSteps.Should().Be(5);
        new SequentialLR(sgd, [new LinearLR(sgd), Cycle(7)], [3]).RemainingSteps.Should().Be(10);
    }

    [Fact]
    public void A_sequence_of_one_begins_anew_where_it_is_a_part_and_its_milestones_are_settings()
    {
        var sgd = MakeOptimizer("SGD");
        var scheduler = new SequentialLR(sgd, [new SequentialLR(sgd, [new LinearLR(sgd, startFactor: 0.5, totalIters: 2)], [])], []);
        var first = sgd.LearningRate;
        for (var i = 0; i < 3; i++) scheduler.Step();
        sgd.LearningRate.Should().NotBe(first);
        scheduler.Restart();
        sgd.LearningRate.Should().Be(first);
        Settings.Of(new SequentialLR(sgd, [new ExponentialLR(sgd, 0.5), new StepLR(sgd, 2)], [3]))["milestones"].Should().Be("[3]");
    }

    [Fact]
    public void One_cycle_makes_its_first_rate_the_initial_one_and_a_plateau_leaves_out_changes_up_to_epsilon()
    {
        var sgd = MakeOptimizer("SGD");
        _ = new OneCycleLR(sgd, 0.5, 10, divFactor: 4);
        (sgd.LearningRate, sgd.Groups[0].InitialLearningRate).Should().Be((0.125, 0.125));

        var other = new SGD<double>(new Linear<double>(2, 2).Parameters, 1);
        var plateau = new ReduceLROnPlateau(other, factor: 0.5, patience: 0, epsilon: 0.5);
        plateau.Step(1);
        plateau.Step(1);
        other.LearningRate.Should().Be(1);
    }

    [Fact]
    public void A_rate_may_be_0_and_a_chain_of_one_is_that_one()
    {
        var sgd = new SGD<double>(new Linear<double>(2, 2).Parameters, 0.5);
        var chain = new ChainedScheduler([new LambdaLR(sgd, epoch => epoch == 1 ? 0 : 0.5)]);
        chain.Step();
        sgd.LearningRate.Should().Be(0);
        chain.Step();
        sgd.LearningRate.Should().Be(0.25);
    }

    [Fact]
    public void One_of_its_own_that_says_nothing_leaves_the_rate_as_it_is()
    {
        var sgd = new SGD<double>(new Linear<double>(2, 2).Parameters, 0.5);
        var scheduler = new Silent(sgd);
        sgd.LearningRate = 0.25;
        scheduler.Step();
        sgd.LearningRate.Should().Be(0.25);
    }

    [Fact]
    public void What_it_was_made_with_are_settings()
    {
        var settings = Settings.Of(new StepLR(new SGD<double>(new Linear<double>(2, 2).Parameters, 0.5), 3, gamma: 0.25));
        (settings["step_size"], settings["gamma"]).Should().Be(("3", "0.25"));
    }

    private sealed class Silent(Optimizer optimizer) : LRScheduler(optimizer);

    [Fact]
    public void Every_scheduler_and_every_fixture_has_a_case()
    {
        Fixture.Lines("schedulers").Select(line => line[0].Split('/')[0]).Distinct().Should().BeEquivalentTo(Cases.Keys);
        var schedulers = typeof(LRScheduler).Assembly.GetExportedTypes().Where(type => type.IsSubclassOf(typeof(LRScheduler))).Select(type => type.Name);
        schedulers.Should().BeSubsetOf(Cases.Keys);
    }

    [NeedsTorch]
    [Theory]
    [MemberData(nameof(Names))]
    public void Learning_rates_and_momenta_are_PyTorchs(string name)
    {
        foreach (var fixture in Fixture.Lines("schedulers").Where(line => line[0].Split('/')[0] == name))
        {
            var optimizer = MakeOptimizer(fixture[1]);
            var schedulers = Cases[name](optimizer);
            double Value() => fixture[0].Split('/') switch
            {
                [_, "momentum"] => optimizer.Groups[0].CycledMomentum!.Value,
                [_, "1"] => optimizer.Groups[1].LearningRate,
                _ => optimizer.Groups[0].LearningRate,
            };
            double[] values = [Value(), .. Metrics.Select(metric =>
            {
                foreach (var scheduler in schedulers) scheduler.Step(metric);
                return Value();
            })];
            Proof.Compare<double>(name.Split(' ')[0], $"{(fixture[0].EndsWith("momentum", StringComparison.Ordinal) ? "momentum" : "rate")}, {Epochs} epochs", values, [values.Length], torch.tensor(Fixture.Values<double>(fixture[2])));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_restored_state_goes_on_with_the_same_values(string name)
    {
        var (optimizer, other) = (MakeOptimizer("SGD"), MakeOptimizer("SGD"));
        var (schedulers, others) = (Cases[name](optimizer), Cases[name](other));
        foreach (var metric in Metrics[..17])
            foreach (var scheduler in schedulers) scheduler.Step(metric);
        other.SetState(optimizer.GetState());
        for (var i = 0; i < schedulers.Length; i++) others[i].SetState(schedulers[i].GetState());
        foreach (var metric in Metrics[17..])
        {
            foreach (var scheduler in schedulers.Concat(others)) scheduler.Step(metric);
            other.GetState().Numbers.Should().Equal(optimizer.GetState().Numbers);
        }

        for (var i = 0; i < schedulers.Length; i++) others[i].GetState().Should().Equal(schedulers[i].GetState());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_step_allocates_nothing(string name)
    {
        var schedulers = Cases[name](MakeOptimizer("SGD"));
        void Step(double metric)
        {
            foreach (var scheduler in schedulers) scheduler.Step(metric);
        }

        Step(1);
        Allocation.Least(() =>
        {
            for (var i = 0; i < 30; i++) Step(1);
        }).Should().Be(0);
    }

    [Fact]
    public void A_cycle_ends_one_step_after_its_last_value_and_then_refuses()
    {
        foreach (var strategy in Enum.GetValues<AnnealStrategy>())
        {
            var sgd = MakeOptimizer("SGD");
            var scheduler = new OneCycleLR(sgd, 0.3, totalSteps: 10, annealStrategy: strategy);
            for (var i = 0; i < 9; i++) scheduler.Step();
            sgd.LearningRate.Should().BeApproximately(0.3 / 25 / 1e4, 1e-12);
            scheduler.Step();
            var (rate, state) = (sgd.LearningRate, scheduler.GetState());
            rate.Should().BeGreaterThan(0).And.BeLessThan(0.05);
            var over = () => scheduler.Step();
            over.Should().Throw<InvalidOperationException>().WithMessage("OneCycleLR has 10 steps, and they are over.");
            sgd.LearningRate.Should().Be(rate);
            scheduler.GetState().Should().Equal(state);
        }
    }

    [Theory]
    [InlineData(10, 0.1, 0.3)]     // a rise without length: PyTorch divides by zero here
    [InlineData(10, 1, 0.012)]
    [InlineData(1, 0.3, 0.0000012)]
    public void A_cycle_with_a_phase_without_length_starts_at_its_end(int totalSteps, double pctStart, double rate)
    {
        var sgd = MakeOptimizer("SGD");
        var scheduler = new OneCycleLR(sgd, 0.3, totalSteps, pctStart);
        sgd.LearningRate.Should().BeApproximately(rate, 1e-12);
        for (var i = 0; i < totalSteps; i++) scheduler.Step();
    }

    [Fact]
    public void A_plateau_can_be_read_and_wants_a_metric()
    {
        var scheduler = new ReduceLROnPlateau(MakeOptimizer("SGD"));
        scheduler.Best.Should().Be(double.PositiveInfinity);
        scheduler.Step(0.5);
        scheduler.Step(0.6);
        (scheduler.Best, scheduler.BadEpochs, scheduler.Epoch).Should().Be((0.5, 1, 2));
        var blind = () => scheduler.Step();
        blind.Should().Throw<ArgumentNullException>().WithMessage("ReduceLROnPlateau expects a metric to watch, but there is none. (Parameter 'metric')");
        scheduler.Epoch.Should().Be(2);
    }

    [Fact]
    public void A_step_that_will_be_refused_can_be_asked_about_and_changes_nothing()
    {
        var sgd = MakeOptimizer("SGD");
        LRScheduler cycle = new OneCycleLR(sgd, 0.3, totalSteps: 2), plateau = new ReduceLROnPlateau(sgd), plain = new StepLR(sgd, 1);
        (cycle.RemainingSteps, plateau.RemainingSteps, plain.RemainingSteps).Should().Be((2, null, null));
        (cycle.NeedsMetric, plateau.NeedsMetric, plain.NeedsMetric).Should().Be((false, true, false));
        foreach (var scheduler in (LRScheduler[])[cycle, plateau, plain]) scheduler.Optimizer.Should().BeSameAs(sgd);
        cycle.Step();
        cycle.CheckStep();
        cycle.Step();
        cycle.RemainingSteps.Should().Be(0);

        var before = (sgd.GetState().Numbers, cycle.GetState(), plateau.GetState());
        foreach (var over in (Action[])[() => cycle.CheckStep(), () => cycle.Step()])
            over.Should().Throw<InvalidOperationException>().WithMessage("OneCycleLR has 2 steps, and they are over.");
        foreach (var blind in (Action[])[() => plateau.CheckStep(), () => plateau.Step()])
            blind.Should().Throw<ArgumentNullException>().WithMessage("ReduceLROnPlateau expects a metric to watch, but there is none. (Parameter 'metric')");
        plateau.CheckStep(1);
        plain.CheckStep();
        sgd.GetState().Numbers.Should().Equal(before.Numbers);
        cycle.GetState().Should().Equal(before.Item2);
        plateau.GetState().Should().Equal(before.Item3);
    }

    /// <summary>A rule of one's own, with an end, whose second group's rate is none in epoch 2.</summary>
    private sealed class OwnLR(Optimizer optimizer) : LRScheduler(optimizer)
    {
        public override long? RemainingSteps => 3 - Epoch;

        protected override double Next(int epoch, double rate, double initial) => epoch == 2 && initial == 0.5 ? double.NaN : rate / 2;
    }

    [Fact]
    public void A_rate_that_is_none_is_refused_before_any_group_has_changed()
    {
        var sgd = MakeOptimizer("SGD");
        var scheduler = new OwnLR(sgd);
        scheduler.Step();
        var step = () => scheduler.Step();
        step.Should().Throw<ArgumentOutOfRangeException>().WithMessage("OwnLR expects learningRate to be finite and at least 0, but it is NaN. (Parameter 'learningRate')");
        sgd.Groups.Select(group => group.LearningRate).Should().Equal(0.05, 0.25);
        (scheduler.Epoch, scheduler.RemainingSteps).Should().Be((1, 2));
    }

    [Theory]
    [InlineData(PlateauMode.Min, -1, -0.98, false)]        // PyTorch calls this better than -1
    [InlineData(PlateauMode.Min, -1, -1.005, false)]
    [InlineData(PlateauMode.Min, -1, -1.02, true)]
    [InlineData(PlateauMode.Min, 1, 0.995, false)]
    [InlineData(PlateauMode.Min, 1, 0.98, true)]
    [InlineData(PlateauMode.Min, 0, -1e-9, true)]
    [InlineData(PlateauMode.Min, 0, 0, false)]
    [InlineData(PlateauMode.Max, -1, -1.005, false)]       // and this
    [InlineData(PlateauMode.Max, -1, -0.995, false)]
    [InlineData(PlateauMode.Max, -1, -0.98, true)]
    [InlineData(PlateauMode.Max, 1, 1.005, false)]
    [InlineData(PlateauMode.Max, 1, 1.02, true)]
    [InlineData(PlateauMode.Min, double.NaN, 5, true)]
    [InlineData(PlateauMode.Min, 5, double.NaN, false)]
    [InlineData(PlateauMode.Max, double.NegativeInfinity, -5, true)]
    [InlineData(PlateauMode.Min, double.PositiveInfinity, 5, true)]
    [InlineData(PlateauMode.Min, double.PositiveInfinity, double.PositiveInfinity, false)]
    [InlineData(PlateauMode.Max, double.NegativeInfinity, double.NegativeInfinity, false)]
    public void A_relative_threshold_is_measured_by_the_size_of_the_best_metric(PlateauMode mode, double first, double second, bool isBetter)
    {
        var scheduler = new ReduceLROnPlateau(MakeOptimizer("SGD"), mode, threshold: 0.01);
        scheduler.Step(first);
        var (best, bad) = (scheduler.Best, scheduler.BadEpochs);
        scheduler.Step(second);
        (scheduler.Best, scheduler.BadEpochs).Should().Be(isBetter ? (second, 0) : (best, bad + 1));
    }

    [Theory]
    [InlineData(PlateauMode.Min, ThresholdMode.Relative, 2, 1.75)]
    [InlineData(PlateauMode.Max, ThresholdMode.Relative, 6, 6.25)]
    [InlineData(PlateauMode.Min, ThresholdMode.Absolute, 3.5, 3.25)]
    [InlineData(PlateauMode.Max, ThresholdMode.Absolute, 4.5, 4.75)]
    public void A_metric_must_pass_the_threshold_not_just_reach_it(PlateauMode mode, ThresholdMode thresholdMode, double at, double beyond)
    {
        var scheduler = new ReduceLROnPlateau(MakeOptimizer("SGD"), mode, threshold: 0.5, thresholdMode: thresholdMode);
        scheduler.Step(4);
        scheduler.Step(at);
        (scheduler.Best, scheduler.BadEpochs).Should().Be((4, 1));
        scheduler.Step(beyond);
        (scheduler.Best, scheduler.BadEpochs).Should().Be((beyond, 0));
    }

    private sealed class StandsStillLR(Optimizer optimizer) : LRScheduler(optimizer);

    [Fact]
    public void A_scheduler_that_says_nothing_changes_nothing()
    {
        var sgd = MakeOptimizer("SGD");
        var scheduler = new StandsStillLR(sgd);
        scheduler.Step();
        (scheduler.Epoch, sgd.Groups[0].LearningRate, sgd.Groups[1].LearningRate).Should().Be((1, 0.1, 0.5));
    }

    [Fact]
    public void A_plateau_that_begins_anew_remembers_nothing()
    {
        var sgd = MakeOptimizer("SGD");
        var scheduler = new ReduceLROnPlateau(sgd, patience: 0, factor: 0.5, cooldown: 5);
        scheduler.Step(double.NaN);
        sgd.LearningRate.Should().Be(0.05, "a first metric that is none is no better, and nothing is forgiven yet");
        scheduler.Step(3);
        scheduler.Restart();
        (scheduler.Best, scheduler.BadEpochs, scheduler.Epoch, sgd.LearningRate).Should().Be((double.PositiveInfinity, 0, 0, 0.1));
        scheduler.Step(double.NaN);
        sgd.LearningRate.Should().Be(0.05);
    }

    [Fact]
    public void A_chain_begins_anew_with_all_its_parts()
    {
        var sgd = MakeOptimizer("SGD");
        var scheduler = new ChainedScheduler([new LinearLR(sgd, startFactor: 0.5, totalIters: 2), new ExponentialLR(sgd, 0.5)]);
        double[] Rates() => [sgd.LearningRate, .. Enumerable.Range(0, 4).Select(_ =>
        {
            scheduler.Step();
            return sgd.LearningRate;
        })];
        var first = Rates();
        scheduler.Restart();
        Rates().Should().Equal(first, (a, b) => Math.Abs(a - b) < 1e-15);
    }

    [Fact]
    public void A_plateau_can_follow_a_warm_up()
    {
        var sgd = MakeOptimizer("SGD");
        var scheduler = new SequentialLR(sgd, [new LinearLR(sgd, startFactor: 0.5, totalIters: 2), new ReduceLROnPlateau(sgd, patience: 1)], [2]);
        scheduler.NeedsMetric.Should().BeTrue();
        double[] rates = [sgd.LearningRate, .. Enumerable.Range(0, 5).Select(_ =>
        {
            scheduler.Step(metric: 1);
            return sgd.LearningRate;
        })];
        rates.Should().Equal([0.05, 0.075, 0.1, 0.1, 0.1, 0.01], (a, b) => Math.Abs(a - b) < 1e-15);
        scheduler.Current.Should().BeOfType<ReduceLROnPlateau>();
        scheduler.Restart();
        sgd.LearningRate.Should().BeApproximately(0.05, 1e-15);
        (scheduler.Epoch, scheduler.Current).Should().Be((0, scheduler.Current));
        scheduler.Current.Should().BeOfType<LinearLR>();
    }

    [Fact]
    public void The_steps_that_remain_are_those_of_the_parts()
    {
        var sgd = MakeOptimizer("SGD");
        LRScheduler Cycle(int steps) => new OneCycleLR(sgd, 0.3, steps);
        new SequentialLR(sgd, [new ExponentialLR(sgd, 0.9), Cycle(10)], [5]).RemainingSteps.Should().Be(15);
        new SequentialLR(sgd, [Cycle(10), new ExponentialLR(sgd, 0.9)], [5]).RemainingSteps.Should().BeNull();
        var early = new SequentialLR(sgd, [Cycle(3), new ExponentialLR(sgd, 0.9)], [6]);
        early.RemainingSteps.Should().Be(3);
        for (var i = 0; i < 3; i++) early.Step();
        early.RemainingSteps.Should().Be(0);
        var over = () => early.Step();
        over.Should().Throw<InvalidOperationException>().WithMessage("SequentialLR has 3 steps, and they are over.");
        var whole = new SequentialLR(sgd, [Cycle(4), Cycle(3)], [5]);
        for (var left = 8; left > 0; left--, whole.Step()) whole.RemainingSteps.Should().Be(left);
        whole.RemainingSteps.Should().Be(0);
        whole.Restart();
        whole.RemainingSteps.Should().Be(8, "what has taken steps begins anew when its turn comes");
        new SequentialLR(sgd, [new ExponentialLR(sgd, 0.9), new ExponentialLR(sgd, 0.8), Cycle(10)], [5, 9]).RemainingSteps.Should().Be(19);
        new ChainedScheduler([Cycle(7), new ExponentialLR(sgd, 0.9), Cycle(4)]).RemainingSteps.Should().Be(4);
    }

    [Fact]
    public void Schedulers_that_do_not_go_together_are_refused()
    {
        var (sgd, other) = (MakeOptimizer("SGD"), MakeOptimizer("SGD"));
        var stepped = new StepLR(sgd, 3);
        stepped.Step();
        var twice = new StepLR(sgd, 3);
        foreach (var (make, message) in new (Func<LRScheduler>, string)[]
        {
            (() => new SequentialLR(sgd, [], []), "SequentialLR expects at least one scheduler, but there is none. (Parameter 'schedulers')"),
            (() => new SequentialLR(sgd, [new StepLR(sgd, 3), new StepLR(sgd, 4)], []), "SequentialLR expects a milestone between any two schedulers, but there are 2 schedulers and 0 milestones. (Parameter 'milestones')"),
            (() => new SequentialLR(sgd, [new StepLR(sgd, 3), new StepLR(sgd, 4)], [0]), "SequentialLR expects milestones that are above 0 and rise, but they are 0. (Parameter 'milestones')"),
            (() => new SequentialLR(sgd, [new StepLR(sgd, 3), new StepLR(sgd, 4), new StepLR(sgd, 5)], [4, 4]), "SequentialLR expects milestones that are above 0 and rise, but they are 4, 4. (Parameter 'milestones')"),
            (() => new SequentialLR(sgd, [new StepLR(other, 3)], []), "SequentialLR expects schedulers of one optimizer, but this StepLR moves the learning rates of another SGD. (Parameter 'schedulers')"),
            (() => new SequentialLR(sgd, [stepped], []), "SequentialLR expects schedulers that have taken no step, but this StepLR has taken 1. (Parameter 'schedulers')"),
            (() => new SequentialLR(sgd, [twice, twice], [3]), "SequentialLR expects different schedulers, but this StepLR is there twice. (Parameter 'schedulers')"),
            (() => new ChainedScheduler([]), "ChainedScheduler expects at least one scheduler, but there is none. (Parameter 'schedulers')"),
            (() => new ChainedScheduler([twice, new StepLR(other, 3)]), "ChainedScheduler expects schedulers of one optimizer, but this StepLR moves the learning rates of another SGD. (Parameter 'schedulers')"),
            (() => new ChainedScheduler([null!]), "*(Parameter 'schedulers')"),
            (() => new LambdaLR(sgd, epoch => -1), "LambdaLR expects learningRate to be finite and at least 0, but it is -0.1. (Parameter 'learningRate')"),
            (() => new LambdaLR(sgd, [epoch => 1]), "LambdaLR expects a function for each of the 2 groups, but there are 1. (Parameter 'lambdas')"),
            (() => new LambdaLR(sgd, [epoch => 1, null!]), "*(Parameter 'lambdas')"),
            (() => new CosineAnnealingWarmRestarts(sgd, 0), "CosineAnnealingWarmRestarts expects t0 to be at least 1. (Parameter 't0')*"),
            (() => new CosineAnnealingWarmRestarts(sgd, 3, tMult: 0), "CosineAnnealingWarmRestarts expects tMult to be at least 1. (Parameter 'tMult')*"),
        })
            make.Should().Throw<ArgumentException>().WithMessage(message);
    }

    [Fact]
    public void Parts_with_other_settings_or_of_another_kind_are_found()
    {
        var (sgd, other) = (MakeOptimizer("SGD"), MakeOptimizer("SGD"));
        LRScheduler Made(Optimizer o, double gamma, int milestone) => new SequentialLR(o, [new ExponentialLR(o, gamma), new StepLR(o, 3)], [milestone]);
        var state = Made(sgd, 0.9, 4).GetState();
        foreach (var (scheduler, problem) in new (LRScheduler, string)[]
        {
            (Made(other, 0.8, 4), "*schedulers.0.gamma is 0.9 there and 0.8 here*"),
            (Made(other, 0.9, 5), "*milestones.0 is 4 there and 5 here*"),
            (new SequentialLR(other, [new ExponentialLR(other, 0.9), new ExponentialLR(other, 0.1)], [4]), "*schedulers.1.step_size is not known here*"),
        })
        {
            var restore = () => scheduler.SetState(state);
            restore.Should().Throw<ArgumentException>().WithMessage(problem);
        }
    }

    // The last rate is too small to be seen among the others.
    [Fact]
    public void One_cycle_starts_at_a_25th_of_its_height_and_ends_at_a_10000th_of_that()
    {
        var optimizer = MakeOptimizer("SGD");
        var scheduler = new OneCycleLR(optimizer, 0.3, totalSteps: 4);
        optimizer.Groups[0].LearningRate.Should().BeApproximately(0.3 / 25, 1e-15);
        for (var step = 0; step < 3; step++) scheduler.Step();
        optimizer.Groups[0].LearningRate.Should().BeApproximately(0.3 / 25 / 1e4, 1e-18);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2.5)]
    public void A_large_threshold_leaves_the_first_metric_good(double threshold)
    {
        var scheduler = new ReduceLROnPlateau(MakeOptimizer("SGD"), threshold: threshold);
        scheduler.Step(3);
        (scheduler.Best, scheduler.BadEpochs).Should().Be((3, 0));
    }

    [Fact]
    public void A_rate_that_was_set_by_hand_is_kept()
    {
        var sgd = MakeOptimizer("SGD");
        var scheduler = new StepLR(sgd, 2, gamma: 0.5);
        scheduler.Step();
        sgd.LearningRate = 1;
        scheduler.Step();
        sgd.LearningRate.Should().Be(0.5);
    }

    public static TheoryData<string, Func<Optimizer, object>> Refused => new()
    {
        { "StepLR expects stepSize to be at least 1.*(Parameter 'stepSize')*", o => new StepLR(o, 0) },
        { "StepLR expects gamma to be finite and at least 0, but it is -0.1. (Parameter 'gamma')", o => new StepLR(o, 1, -0.1) },
        { "MultiStepLR expects gamma to be finite and at least 0, but it is NaN. (Parameter 'gamma')", o => new MultiStepLR(o, [1], double.NaN) },
        { "ExponentialLR expects gamma to be finite and at least 0, but it is -1. (Parameter 'gamma')", o => new ExponentialLR(o, -1) },
        { "CosineAnnealingLR expects tMax to be at least 1.*(Parameter 'tMax')*", o => new CosineAnnealingLR(o, 0) },
        { "CosineAnnealingLR expects etaMin to be finite and at least 0, but it is -1. (Parameter 'etaMin')", o => new CosineAnnealingLR(o, 5, -1) },
        { "LinearLR expects startFactor to be above 0 and at most 1, but it is 0. (Parameter 'startFactor')", o => new LinearLR(o, 0) },
        { "LinearLR expects endFactor to be from 0 to 1, but it is 1.5. (Parameter 'endFactor')", o => new LinearLR(o, 0.1, 1.5) },
        { "LinearLR expects totalIters to be at least 1.*(Parameter 'totalIters')*", o => new LinearLR(o, totalIters: 0) },
        { "OneCycleLR expects maxLearningRate to be finite and at least 0, but it is NaN. (Parameter 'maxLearningRate')", o => new OneCycleLR(o, double.NaN, 10) },
        { "OneCycleLR expects a highest rate for each of 2 groups, but there are 3. (Parameter 'maxLearningRates')", o => new OneCycleLR(o, [1, 2, 3], 10) },
        { "OneCycleLR expects totalSteps to be at least 1.*(Parameter 'totalSteps')*", o => new OneCycleLR(o, 1, 0) },
        { "OneCycleLR expects pctStart to be from 0 to 1, but it is 1.1. (Parameter 'pctStart')", o => new OneCycleLR(o, 1, 10, 1.1) },
        { "OneCycleLR expects maxMomentum to be at least 0 and below 1, but it is 1. (Parameter 'maxMomentum')", o => new OneCycleLR(o, 1, 10, maxMomentum: 1) },
        { "OneCycleLR expects divFactor to be finite and above 0, but it is 0. (Parameter 'divFactor')", o => new OneCycleLR(o, 1, 10, divFactor: 0) },
        { "OneCycleLR expects a momentum in each group, but Adagrad has none; cycleMomentum: false leaves momenta alone. (Parameter 'cycleMomentum')", _ => new OneCycleLR(new Adagrad<double>([new VectorParameter<double>("p", 1)]), 1, 10) },
        { "ReduceLROnPlateau expects factor to be at least 0 and below 1, but it is 1. (Parameter 'factor')", o => new ReduceLROnPlateau(o, factor: 1) },
        { "ReduceLROnPlateau expects patience to be finite and at least 0, but it is -1. (Parameter 'patience')", o => new ReduceLROnPlateau(o, patience: -1) },
        { "OneCycleLR expects annealStrategy to be one of Cosine, Linear, but it is 7. (Parameter 'annealStrategy')", o => new OneCycleLR(o, 1, 10, annealStrategy: (AnnealStrategy)7) },
        { "ReduceLROnPlateau expects mode to be one of Min, Max, but it is 7. (Parameter 'mode')", o => new ReduceLROnPlateau(o, (PlateauMode)7) },
        { "ReduceLROnPlateau expects thresholdMode to be one of Relative, Absolute, but it is 7. (Parameter 'thresholdMode')", o => new ReduceLROnPlateau(o, thresholdMode: (ThresholdMode)7) },
        { "*(Parameter 'milestones')", o => new MultiStepLR(o, null!) },
        { "*(Parameter 'maxLearningRates')", o => new OneCycleLR(o, null!, 1) },
        { "*(Parameter 'optimizer')", _ => new ExponentialLR(null!, 1) },
        { "*(Parameter 'optimizer')", _ => new OneCycleLR(null!, 1, 1) },
    };

    [Theory]
    [MemberData(nameof(Refused), DisableDiscoveryEnumeration = true)]
    public void What_makes_no_sense_is_refused_and_changes_nothing(string message, Func<Optimizer, object> make)
    {
        var optimizer = MakeOptimizer("SGD");
        var before = optimizer.GetState().Numbers;
        var act = () => make(optimizer);
        act.Should().Throw<ArgumentException>().WithMessage(message);
        optimizer.GetState().Numbers.Should().Equal(before);
    }

    [Fact]
    public void A_state_that_does_not_fit_is_refused_and_changes_nothing()
    {
        var (optimizer, other) = (MakeOptimizer("SGD"), MakeOptimizer("SGD"));
        var scheduler = new MultiStepLR(optimizer, [2, 4], gamma: 0.5);
        scheduler.Step();
        var before = scheduler.GetState();
        var otherKind = () => scheduler.SetState(new StepLR(other, 3).GetState());
        otherKind.Should().Throw<ArgumentException>().WithMessage(
            "MultiStepLR cannot go on from this state: gamma is 0.1 there and 0.5 here; milestones.0 is missing; milestones.1 is missing; step_size is not known here. (Parameter 'state')");
        var otherSettings = () => scheduler.SetState(new MultiStepLR(other, [2, 5], gamma: 0.5).GetState());
        otherSettings.Should().Throw<ArgumentException>().WithMessage("MultiStepLR cannot go on from this state: milestones.1 is 5 there and 4 here. (Parameter 'state')");
        foreach (var (name, value, message) in ((string, double, string)[])
        [
            ("last_epoch", 1e10, "MultiStepLR cannot go on from this state: last_epoch is 10000000000, which is no count. (Parameter 'state')"),
            ("base_lrs.1", -1, "MultiStepLR expects base_lrs.1 to be finite and at least 0, but it is -1. (Parameter 'base_lrs.1')"),
        ])
        {
            var spoilt = () => scheduler.SetState(new Dictionary<string, double>(before) { [name] = value });
            spoilt.Should().Throw<ArgumentException>().WithMessage(message);
        }

        var plateau = new ReduceLROnPlateau(optimizer);
        var noBest = () => plateau.SetState(new Dictionary<string, double>(plateau.GetState()) { ["best"] = double.NaN });
        noBest.Should().Throw<ArgumentException>().WithMessage("ReduceLROnPlateau expects best to be a number, but it is NaN. (Parameter 'best')");

        var nothing = () => scheduler.SetState(null!);
        nothing.Should().Throw<ArgumentNullException>().WithParameterName("state");
        scheduler.GetState().Should().Equal(before);
    }

    private static Optimizer<double> MakeOptimizer(string kind)
    {
        Parameter<double> p = new VectorParameter<double>("p", 1), q = new VectorParameter<double>("q", 1);
        return kind == "SGD"
            ? new SGD<double>(new SGDGroup<double>([p]) { LearningRate = 0.1, Momentum = 0.5 }, new SGDGroup<double>([q]) { LearningRate = 0.5, Momentum = 0.5 })
            : new Adam<double>(new AdamGroup<double>([p]) { LearningRate = 0.1 }, new AdamGroup<double>([q]) { LearningRate = 0.5 });
    }
}
