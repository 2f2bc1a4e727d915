using Backprop.Playground;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Explain.Tests.Playground;

public class SessionTests
{
    [Fact]
    public void It_starts_with_the_notebooks_network_and_goes_part_by_part()
    {
        var session = new Session(Setup.Notebook);
        session.Output.Should().BeNull();
        session.Loss.Should().BeNull();

        session.Forward();
        session.Stage.Should().Be(Stage.Forward);
        session.Output![0, 0].Should().BeApproximately(-0.0524979, 1e-7);
        session.Loss.Should().BeNull();

        session.ComputeLoss();
        session.Loss.Should().BeApproximately(0.42893259384435856, 1e-15);

        session.Backward();
        session.Model.NamedParameters().Select(named => named.Parameter.Gradients[0]).Should().BeEquivalentTo([0.021334741937830547, 0.002497324795365717, -0.028638404775643, -0.1],
            options => options.WithStrictOrdering().Using<double>(pair => pair.Subject.Should().BeApproximately(pair.Expectation, 1e-14)).WhenTypeIs<double>());
        session.Values().Should().Equal(-0.1, 0, -0.1, 0);

        session.Update();
        session.Values()[0].Should().BeApproximately(-0.1 - 0.1 * 0.021334741937830547, 1e-15);
        session.Stage.Should().Be(Stage.Start);
        session.Steps.Should().Be(1);
        session.History.Should().ContainSingle().Which.Should().BeApproximately(0.42893259384435856, 1e-15);
    }

    [Theory]
    [InlineData("sgd")]
    [InlineData("adam")]
    [InlineData("adamw")]
    [InlineData("rmsprop")]
    [InlineData("adagrad")]
    public void Many_steps_are_the_steps_of_the_library(string optimizer)
    {
        var setup = new Setup { Network = "2-8-8-1 tanh bcewithlogits", Data = "circles", Seed = 3, Optimizer = new() { Name = optimizer, LearningRate = 0.01 } };
        var (trained, stepped) = (new Session(setup), new Session(setup));
        var (model, loss) = NetworkText.Parse<double>(setup.Network, new Generator(3));
        Optimizer<double> own = optimizer switch
        {
            "sgd" => new SGD<double>(model.Parameters, 0.01),
            "adam" => new Adam<double>(model.Parameters, 0.01),
            "adamw" => new AdamW<double>(model.Parameters, 0.01),
            "rmsprop" => new RMSprop<double>(model.Parameters, 0.01),
            _ => new Adagrad<double>(model.Parameters, 0.01),
        };
        var pass = model.NewPass();

        trained.Train(20).Should().Be(20);
        for (var i = 0; i < 20; i++)
        {
            stepped.Forward();
            stepped.ComputeLoss();
            stepped.Backward();
            stepped.Update();
            own.ZeroGradients();
            model.Backward(pass, loss.Backward(model.Forward(trained.Points.X, pass), trained.Target));
            own.Step();
        }

        var values = model.NamedParameters().SelectMany(named => named.Parameter.Values.ToArray()).ToArray();
        trained.Model.Parameters.SelectMany(parameter => parameter.Values.ToArray()).Should().Equal(values);
        trained.Values().Should().Equal(stepped.Values());
        trained.History.Should().Equal(stepped.History).And.HaveCount(20);
        trained.History[^1].Should().BeLessThan(trained.History[0]);
    }

    [Theory]
    [InlineData("line", 300)]
    [InlineData("sine", 300)]
    [InlineData("words", 300)]
    [InlineData("xor", 600)]
    [InlineData("circles", 300)]
    [InlineData("spiral", 300)]
    [InlineData("digits", 100)]
    public void Every_data_set_is_learned_by_its_network(string name, int steps)
    {
        Digits.Load();
        var data = DataSet.Find(name)!;
        var session = new Session(new() { Network = data.Network, Data = name, Optimizer = new() { LearningRate = data.LearningRate } });
        session.Points.Inputs.Should().Be(data.Inputs);

        session.Train(steps).Should().Be(steps);

        session.History[^1].Should().BeLessThan(0.98 * session.History[0]);
        if (name is "xor" or "circles" or "digits") session.Accuracy().Should().BeGreaterThan(0.9);
        (session.Accuracy() is null).Should().Be(session.Points.Classes == 0);
        session.Shown(session.Points.X).Should().HaveCount(session.Points.Count);
    }

    [Fact]
    public void What_is_changed_by_hand_is_computed_with()
    {
        var session = new Session(Setup.Notebook);
        session.Set("hidden.weight", 0, 0, 0.75);
        session.Set("output.bias", 0, 0, -0.25);
        session.Set("x", 2, 0, 3);
        session.Set("target", 2, 0, -1);
        session.SetOptimizer("lr", 0.5);
        session.Backward();

        var (model, loss) = NetworkText.Parse<double>("1-1-1 sigmoid mse");
        double[] values = [0.75, 0, -0.1, -0.25];
        for (var i = 0; i < 4; i++) model.Parameters[i].Values[0] = values[i];
        var x = Matrix<double>.Build.Dense(8, 1, (i, _) => -1 + 2.0 / 7 * i);
        var t = x.Clone();
        (x[2, 0], t[2, 0]) = (3, -1);
        var pass = model.NewPass();
        var y = model.Forward(x, pass);
        session.Loss.Should().Be(loss.Forward(y, t));
        model.Backward(pass, loss.Backward(y, t));
        session.Model.Parameters.Select(parameter => parameter.Gradients[0]).Should().Equal(model.Parameters.Select(parameter => parameter.Gradients[0]));
        session.Update();
        session.Values()[0].Should().Be(0.75 - 0.5 * model.Parameters[0].Gradients[0]);
        session.Setup.Data.Should().Be("points");
    }

    [Fact]
    public void An_entry_of_a_matrix_is_the_one_at_its_row_and_column()
    {
        var session = new Session(new() { Network = "2-3-1 tanh mse", Data = "xor" });
        session.Set("hidden.weight", 2, 1, 7);
        session.Set("hidden.bias", 0, 1, 8);

        session.Model.Get<Linear<double>>("hidden").Weight.Value[2, 1].Should().Be(7);
        session.Model.Get<Linear<double>>("hidden").Bias!.Value[1].Should().Be(8);
        session.Setup.Start.Should().Equal(new StartEntry("hidden.weight", 2, 1, 7), new StartEntry("hidden.bias", 0, 1, 8));
        session.Values()[5].Should().Be(7, "a file has the rows of a matrix one after the other");
    }

    [Fact]
    public void What_is_refused_changes_nothing()
    {
        var session = new Session(Setup.Notebook);
        session.Backward();
        var (setup, values) = (session.Setup, session.Values());
        var tries = new (Action Try, string Message)[]
        {
            (() => session.Set("hidden.weight", 0, 0, double.NaN), "hidden.weight should be a finite number, but it is NaN."),
            (() => session.Set("hidden.weight", 1, 0, 1), "There is no entry hidden.weight[1, 0]."),
            (() => session.Set("hidden.weight", 0, -1, 1), "There is no entry hidden.weight[0, -1]."),
            (() => session.Set("other.weight", 0, 0, 1), "There is no parameter \"other.weight\"; there is: hidden.weight, hidden.bias, output.weight, output.bias."),
            (() => session.Set("x", 8, 0, 1), "There is no entry x[8, 0]."),
            (() => session.Set("target", 0, 1, 1), "There is no entry target[0, 1]."),
            (() => session.SetOptimizer("lr", -1), "*expects LearningRate*-1*"),
            (() => session.SetOptimizer("speed", 1), "There is no setting \"speed\" of an optimizer."),
            (() => session.SetOptimizer("nesterov", 1), "*momentum*"),
            (() => session.Load([1, 2, 3]), "*"),
            (() => session.SetPoints(new(Matrix<double>.Build.Dense(1001, 1), Matrix<double>.Build.Dense(1001, 1), 0)), "There should be 1 to 1000 points, but there would be 1001."),
        };

        foreach (var (act, message) in tries)
        {
            act.Should().Throw<Exception>().WithMessage(message);
            session.Setup.Should().Be(setup);
            session.Values().Should().Equal(values);
            session.Stage.Should().Be(Stage.Backward);
        }
    }

    [Fact]
    public void Setups_that_cannot_be_are_refused()
    {
        static Action Start(string network, string data) => () => _ = new Session(new() { Network = network, Data = data });
        Start("2-1 mse", "line").Should().Throw<PlaygroundException>().WithMessage("The points have 1 feature, but the network takes 2.");
        Start("1-2 mse", "line").Should().Throw<PlaygroundException>().WithMessage("The network should have one output, as there is one target, but it has 2.");
        Start("2-3 mse", "xor").Should().Throw<PlaygroundException>().WithMessage("The network should have one output or 2, one for each class, but it has 3.");
        Start("1-2 crossentropy", "line").Should().Throw<PlaygroundException>().WithMessage("CrossEntropyLoss() tells classes apart, but the targets are numbers.");
        Start("2-1 crossentropy", "xor").Should().Throw<PlaygroundException>().WithMessage("CrossEntropyLoss() expects an output for each of the 2 classes, but there is 1.");
        Start("1-3 gaussiannll", "line").Should().Throw<PlaygroundException>().WithMessage("GaussianNLLLoss() expects two outputs, a mean and a variance, but there are 3.");
        Start("1-1 sigmoid bce", "line").Should().Throw<ArgumentException>().WithMessage("*");
        Start("1 embedding(3, 1) mse", "line").Should().Throw<ArgumentException>().WithMessage("*Embedding(3, 1) expects*");
        Start("1-1000-1000-1 mse", "line").Should().Throw<NetworkTextException>().WithMessage("*at most 200000 numbers to learn*");
    }

    [Theory]
    [InlineData("2-4-2 tanh crossentropy", "xor")]
    [InlineData("2 linear(2) logsoftmax nll", "xor")]
    [InlineData("2 linear(2) softmax mse", "xor")]
    [InlineData("2 linear(2) logsoftmax kldiv", "xor")]
    [InlineData("1 linear(2) softplus gaussiannll", "sine")]
    [InlineData("1-4-1 tanh poissonnll", "line")]
    [InlineData("1-4-1 tanh smoothl1", "line")]
    [InlineData("2 linear(1) sigmoid bce", "circles")]
    public void Each_loss_gets_the_targets_that_it_wants(string network, string data)
    {
        var session = new Session(new() { Network = network, Data = data, Optimizer = new() { LearningRate = 0.01 } });
        session.Train(50);
        session.History[^1].Should().BeLessThan(session.History[0]);
    }

    [Fact]
    public void Back_at_the_start_all_is_as_it_was_and_goes_the_same_way()
    {
        var session = new Session(new() { Network = "1 linear(8) batchnorm tanh dropout(0.25) linear(1) mse", Data = "sine", Seed = 5, Optimizer = new() { Name = "adam", LearningRate = 0.01 } });
        session.Set("0.weight", 3, 0, 0.5);
        session.SetPoints(session.Points.Without(3));
        session.Train(10);
        var (values, history) = (session.Values(), session.History.ToArray());

        session.Reset();
        session.Steps.Should().Be(0);
        session.History.Should().BeEmpty();
        session.Model.Get<Linear<double>>("0").Weight.Value[3, 0].Should().Be(0.5);
        session.Train(10);

        session.Values().Should().Equal(values);
        session.History.Should().Equal(history);
    }

    [Fact]
    public void A_change_in_the_midst_of_training_is_a_new_start()
    {
        var session = new Session(new() { Network = "1-3-1 tanh mse", Data = "sine" });
        session.Train(7);
        session.Set("output.bias", 0, 0, 2);
        var values = session.Values();
        session.Train(3);

        session.Reset();
        session.Values().Should().Equal(values);
        new Session(session.Setup).Values().Should().Equal(values);
    }

    [Fact]
    public void A_learning_rate_too_high_stops_the_training_before_its_numbers_are_none()
    {
        var session = new Session(new() { Network = "1-1 mse", Data = "line", Optimizer = new() { LearningRate = 1e6 } });

        session.Train(1000).Should().BeLessThan(1000);
        session.Steps.Should().Be(session.History.Count);
        session.History.Should().OnlyContain(loss => double.IsFinite(loss));
    }

    [Fact]
    public void Momentum_is_kept_when_the_learning_rate_changes()
    {
        var setup = new Setup { Optimizer = new() { Momentum = 0.9 } };
        var (session, other) = (new Session(setup), new Session(setup));
        session.Train(5);
        other.Train(5);
        session.SetOptimizer("lr", 0.2);
        session.Train(1);
        other.SetOptimizer("momentum", 0.9);
        other.SetOptimizer("lr", 0.2);
        other.Train(1);

        session.Values().Should().NotEqual(other.Values());
        session.Setup.Optimizer.LearningRate.Should().Be(0.2);
    }

    [Fact]
    public void Weights_are_saved_and_opened()
    {
        var setup = new Setup { Network = "2 linear(4) batchnorm tanh linear(1) bcewithlogits", Data = "xor", Seed = 2 };
        var session = new Session(setup);
        session.Train(30);
        var file = session.Save();

        var other = new Session(setup with { Seed = 9 });
        other.Load(file);
        other.Values().Should().Equal(session.Values());
        other.Shown(other.Points.X).Should().Equal(session.Shown(session.Points.X));
        other.Steps.Should().Be(0);
        new Session(other.Setup).Values().Should().Equal(session.Values());

        var wrong = new Session(new() { Network = "2-4-1 tanh bcewithlogits", Data = "xor" });
        var before = wrong.Values();
        FluentActions.Invoking(() => wrong.Load(file)).Should().Throw<Exception>().WithMessage("*hidden.weight*");
        wrong.Values().Should().Equal(before);
    }

    [Fact]
    public void What_the_notebook_hid()
    {
        var session = new Session(Setup.Notebook);
        session.NotebookGradients().Chunk(2).First().Should().Equal(session.NotebookGradients().Chunk(2).Last(), "equal weights hide it");

        session.Set("output.weight", 0, 0, 0.5);

        // CHAIN-RULE.md, "The notebook, finished and corrected".
        var gradients = session.NotebookGradients();
        foreach (var (value, expected) in gradients.Zip([-0.108276814908, 0.062433119884, 0.021655362982, -0.012486623977])) value.Should().BeApproximately(expected, 1e-12);
        session.Stage.Should().Be(Stage.Start);
        session.Backward();
        session.Model.Parameters[0].Gradients[0].Should().Be(gradients[0]);
        FluentActions.Invoking(new Session(new() { Network = "1-2-1 sigmoid mse" }).NotebookGradients).Should().Throw<PlaygroundException>();
    }
}
