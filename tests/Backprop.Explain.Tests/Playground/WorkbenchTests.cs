using System.Text.Json;
using Backprop.Playground;
using FluentAssertions;
using Xunit;

namespace Backprop.Explain.Tests.Playground;

public class WorkbenchTests
{
    [Fact]
    public void Every_layer_of_the_catalogue_is_added_and_taken_away()
    {
        foreach (var word in NetworkText.Layers)
        {
            var bench = new Workbench();
            if (word == "embedding") Done(bench.SetData("words"));
            if (word == "instancenorm2d") Done(bench.SetData("xor"));       // one pixel would be its own mean
            if (word == "embedding") Done(bench.SetNetwork("1 linear(1) mse"));
            var before = bench.Session.Setup.Network;

            var state = Done(bench.InsertLayer(0, word));

            state.GetProperty("layers")[0].GetString().Should().Contain(word);
            bench.Session.Train(2).Should().Be(2);
            Explained(bench);
            Done(bench.RemoveLayer(0)).GetProperty("network").GetString().Should().Be(before);
        }
    }

    [Fact]
    public void Layers_widths_and_loss_are_changed_one_by_one()
    {
        var bench = new Workbench();

        Done(bench.SetWidth(0, 3)).GetProperty("network").GetString().Should().Be("1-3-1 sigmoid mse");
        Done(bench.SetLoss("huber")).GetProperty("network").GetString().Should().Be("1-3-1 sigmoid huber");
        Done(bench.InsertLayer(2, "layernorm")).GetProperty("network").GetString().Should().Be("1 hidden:linear(3) activation:sigmoid layernorm output:linear(1) huber");
        Done(bench.SetNetwork("1 \"linear(3\":linear(3, bias: false) linear(1) mse"));
        var state = Done(bench.SetWidth(0, 12));
        state.GetProperty("network").GetString().Should().Be("1 \"linear(3\":linear(12, bias: false) linear(1) mse");
        state.GetProperty("widths").EnumerateArray().Select(width => width.GetInt32()).Should().Equal(12, 1);

        Refused(bench.SetWidth(1, 2), "The network should have one output, as there is one target, but it has 2.");
        Refused(bench.SetWidth(7, 2), "There is no layer 8.");
        Refused(bench.RemoveLayer(-1), "There is no layer 0.");
        Refused(bench.InsertLayer(0, "embedding"), "*Embedding(10, 2) expects*");
        Refused(bench.InsertLayer(0, "convolution"), "Example expects a layer's word, but \"convolution\" is none.*");
        Refused(bench.SetNetwork("1-3-1 sigmid mse"), "*did you mean \"sigmoid\"?*");
        bench.Session.Setup.Network.Should().Be("1 \"linear(3\":linear(12, bias: false) linear(1) mse");
    }

    [Fact]
    public void A_network_that_nobody_changed_follows_the_data()
    {
        Digits.Load();
        var bench = new Workbench();
        foreach (var data in DataSet.All.Reverse())
        {
            var state = Done(bench.SetData(data.Name));
            state.GetProperty("network").GetString().Should().Be(data.Network);
            state.GetProperty("note").ValueKind.Should().Be(JsonValueKind.Null);
            state.GetProperty("optimizer").GetProperty("lr").GetDouble().Should().Be(data.LearningRate);
        }

        bench.Session.Setup.Should().BeEquivalentTo(new Session(Setup.Notebook).Setup, "back at the line it is the notebook's");
        Refused(bench.SetData("moons"), "There is no data set \"moons\".");
    }

    [Fact]
    public void A_network_of_ones_own_stays_where_it_fits_and_else_it_is_said()
    {
        var bench = new Workbench();
        Done(bench.SetNetwork("1-5-1 relu mse"));
        Done(bench.SetData("sine")).GetProperty("network").GetString().Should().Be("1-5-1 relu mse");
        var state = Done(bench.SetData("xor"));
        state.GetProperty("network").GetString().Should().Be("2-4-1 tanh bcewithlogits");
        state.GetProperty("note").GetString().Should().Be("The points have 2 features, so the network was changed.");

        state = Done(bench.SetNetwork("1-2-1 tanh mse"));
        state.GetProperty("data").GetString().Should().Be("line");
        state.GetProperty("note").GetString().Should().Be("The network takes 1 feature, so the points are now: line, y = x.");
        Refused(bench.SetNetwork("3-1 mse"), "The network takes 3 features, but there are no such points: *");
    }

    [Fact]
    public void Points_are_added_moved_and_removed()
    {
        var bench = new Workbench();
        Done(bench.AddPoint(0.5, 2, 0)).GetProperty("points").GetInt32().Should().Be(9);
        bench.Points()[^2..].Should().Equal(0.5, 2);
        Done(bench.MovePoint(8, -0.25, 1.5));
        bench.Points()[^2..].Should().Equal(-0.25, 1.5);
        Done(bench.RemovePoint(0)).GetProperty("points").GetInt32().Should().Be(8);
        Refused(bench.MovePoint(8, 0, 0), "There is no point 8 in the plane.");
        Refused(bench.RemovePoint(-1), "There is no point -1.");

        Done(bench.SetData("xor"));
        Done(bench.AddPoint(0.5, -0.5, 1));
        bench.Points()[^3..].Should().Equal(0.5, -0.5, 1);
        Refused(bench.AddPoint(0.5, -0.5, 2), "A class should be a whole number from 0 to 1.");
        for (var i = 64; i > 0; i--) Done(bench.RemovePoint(0));
        Refused(bench.RemovePoint(0), "The last point stays.");
    }

    [Fact]
    public void Curves_and_surfaces_are_what_the_network_makes_of_each_place()
    {
        var bench = new Workbench();
        Done(bench.ShowHidden(true));
        var hidden = bench.Session;
        bench.Curve(-1, 1, 5).Should().Equal(new[] { -1, -0.5, 0, 0.5, 1 }.Select(x => 0.5 / (1 + Math.Exp(0.1 * x))), (ours, formula) => Math.Abs(ours - formula) < 1e-15);
        bench.Surface(-1, 1, 4).Should().BeEmpty();
        bench.Session.Should().BeSameAs(hidden);

        Done(bench.SetData("xor"));
        Done(bench.Train(300));
        var surface = bench.Surface(-1, 1, 2);
        surface.Should().HaveCount(4).And.OnlyContain(value => value > 0 && value < 1);
        surface[0].Should().BeGreaterThan(0.5, "at the top on the left is (-0.5, 0.5), of class 1");
        surface[1].Should().BeLessThan(0.5);
        surface[2].Should().BeLessThan(0.5);
        surface[3].Should().BeGreaterThan(0.5);
        bench.Curve(-1, 1, 5).Should().BeEmpty();
        bench.History(10).Should().HaveCount(10);
        bench.History(1000).Should().HaveCount(300);
        bench.History(10)[^1].Should().Be(bench.Session.History[^1]);

        Done(bench.SetData("words"));
        bench.Curve(-1, 1, 5).Should().BeEmpty("a word has no place between two others");
    }

    [Fact]
    public void Every_number_of_the_page_can_be_asked()
    {
        var bench = new Workbench();
        Explained(bench);
        JsonDocument.Parse(bench.Ask("hidden.weight.grad", 0, 0)!).RootElement.GetProperty("value").GetDouble().Should().BeApproximately(0.021334741937830547, 1e-15);
        bench.Ask("hidden.weight", 3, 0).Should().BeNull();
        bench.Ask("nothing", 0, 0).Should().BeNull();

        Done(bench.SetEntry("output.weight", 0, 0, 0.5));
        bench.Explanation();
        JsonDocument.Parse(bench.Ask("hidden.weight.grad", 0, 0)!).RootElement.GetProperty("value").GetDouble().Should().BeApproximately(-0.108276814908, 1e-12);
    }

    [Fact]
    public void Looking_changes_nothing()
    {
        var (looked, not) = (new Workbench(), new Workbench());
        foreach (var bench in new[] { looked, not }) Done(bench.SetNetwork("1 linear(8) batchnorm tanh dropout(0.25) linear(1) mse"));
        for (var i = 0; i < 5; i++)
        {
            looked.Explanation();
            looked.State();
            looked.Predictions();
            looked.Train(1);
            not.Train(1);
        }

        looked.Session.Values().Should().Equal(not.Session.Values());
        looked.Session.Save().Should().Equal(not.Session.Save());
    }

    [Fact]
    public void Optimizers_and_their_settings()
    {
        var bench = new Workbench();
        Done(bench.SetSetting("momentum", 0.9));
        var state = Done(bench.SetOptimizer("adam"));
        state.GetProperty("optimizer").GetProperty("lr").GetDouble().Should().Be(0.01);
        state.GetProperty("optimizer").GetProperty("settings").EnumerateObject().Select(setting => setting.Name).Should().Equal("beta1", "beta2", "decay");
        Done(bench.SetSetting("beta1", 0.5));
        Done(bench.SetOptimizer("adamw")).GetProperty("optimizer").GetProperty("settings").GetProperty("decay").GetDouble().Should().Be(0.01);
        Refused(bench.SetSetting("beta1", 1), "Adam* expects beta1 to be at least 0 and below 1, but it is 1.");
        Refused(bench.SetOptimizer("lion"), "The optimizer should be one of sgd, adam, adamw, rmsprop, adagrad, but it is \"lion\".");
        Done(bench.SetOptimizer("sgd")).GetProperty("optimizer").GetProperty("lr").GetDouble().Should().Be(0.1);
        Refused(bench.SetSeed(0.5), "A seed should be a whole number, but it is 0.5.");
        Done(bench.SetSeed(7)).GetProperty("seed").GetDouble().Should().Be(7);
        Done(bench.SetSetting("lr", 1e9));
        Refused(bench.Train(500), "The loss is not finite any more, so the training stopped: the learning rate is too high for this network.");
    }

    [Fact]
    public void The_state_is_JSON_whatever_it_holds()
    {
        var bench = new Workbench();
        JsonDocument.Parse(Workbench.Catalogue()).RootElement.GetProperty("layers").GetArrayLength().Should().Be(NetworkText.Layers.Count);
        var state = Done(bench.SetNetwork("1 \"a\\\"\\\\\u2028</script>😀\":linear(2) linear(1) mse"));
        state.GetProperty("parameters")[0][0].GetString().Should().Be("a\"\\\u2028</script>😀.weight");
        var error = JsonDocument.Parse(bench.SetNetwork("\u0001\ud800 mse")).RootElement.GetProperty("error").GetRawText();
        error.Should().Contain(@"there is \""\u0001\ud800\""", "half a character is none that .NET would read as text, but JavaScript does");
        Refused(bench.Load([0]), "The file was not opened. *");
        Refused(bench.Load("no safetensors"u8.ToArray()), "The file was not opened. The stream is not a valid safetensors file: *");
        Refused(bench.ShowHidden(true), "Only the notebook's network*");
    }

    private static JsonElement Done(string json)
    {
        var state = JsonDocument.Parse(json).RootElement;
        state.GetProperty("error").GetString().Should().BeNull();
        return state;
    }

    private static void Refused(string json, string message) => JsonDocument.Parse(json).RootElement.GetProperty("error").GetString().Should().Match(message);

    private static void Explained(Workbench bench)
    {
        var explanation = JsonDocument.Parse(bench.Explanation()).RootElement;
        explanation.GetProperty("problems").GetArrayLength().Should().Be(0);
        foreach (var quantity in explanation.GetProperty("quantities").EnumerateObject())
            JsonDocument.Parse(bench.Ask(quantity.Name, 0, 0)!).RootElement.TryGetProperty("agrees", out var agrees).Should().Be(agrees.ValueKind != JsonValueKind.Undefined);
    }
}
