using Backprop.Playground;
using FluentAssertions;
using Xunit;

namespace Backprop.Explain.Tests.Playground;

public class AddressTests
{
    private static readonly char[] Alphabet = [.. "net=data&points;0123,.:[]()%-+ lrse{}\"<>\\éא"];

    [Fact]
    public void The_notebooks_setup_is_the_empty_address()
    {
        Address.Write(new Session(Setup.Notebook).Setup).Should().Be("");
        Address.Read("").Should().Be(Setup.Notebook);
        Address.Read("?").Should().Be(Setup.Notebook);

        var session = new Session(Setup.Notebook);
        session.Set("output.weight", 0, 0, 0.5);
        Address.Write(session.Setup).Should().Be("?net=1-1-1+sigmoid+mse&data=line&seed=0&lr=0.1&set=hidden.weight%5B0,0%5D%3D-0.1;hidden.bias%5B0,0%5D%3D0;output.weight%5B0,0%5D%3D0.5;output.bias%5B0,0%5D%3D0");
        session.Set("output.weight", 0, 0, -0.1);
        Address.Write(session.Setup).Should().Be("");
    }

    [Fact]
    public void Every_setup_comes_back()
    {
        Digits.Load();
        foreach (var data in DataSet.All)
            foreach (var (name, _) in OptimizerSettings.All)
            {
                var optimizer = new OptimizerSettings { Name = name, LearningRate = 0.037 };
                foreach (var setting in optimizer.Names.Where(setting => setting != "nesterov")) optimizer = optimizer.With(setting, 0.625);
                if (name == "sgd") optimizer = optimizer with { Nesterov = true };
                var session = new Session(new() { Network = data.Network, Data = data.Name, Seed = -12, Optimizer = optimizer });
                session.Set(session.Model.NamedParameters().Last().Name, 0, 0, -1.25e-7);
                Same(session);
            }
    }

    [Fact]
    public void Points_and_names_of_any_kind_come_back()
    {
        var session = new Session(new() { Network = "2 \"a;b=[0,1]&%\":linear(3) tanh \"כן +\":linear(1) bcewithlogits", Data = "xor" });
        session.Set("a;b=[0,1]&%.weight", 2, 1, 0.1);
        session.Set("כן +.bias", 0, 0, 0.3);
        session.SetPoints(session.Points.With([0.123, -1e-9], 1).Without(0));
        Same(session);
    }

    [Fact]
    public void Too_much_for_an_address_is_in_none()
    {
        var session = new Session(new() { Network = "2-64-64-1 tanh bcewithlogits", Data = "xor" });
        session.Set("output.bias", 0, 0, 1);
        Same(session);
        session.Train(1);
        session.Set("output.bias", 0, 0, 1);
        Address.Write(session.Setup).Should().BeNull();
    }

    [Theory]
    [InlineData("?nett=1-1", "The address has \"nett\", which means nothing here. It may have net, data, points, *")]
    [InlineData("?net=1-1+mse&net=2-1+mse", "The address has \"net\" twice.")]
    [InlineData("?data=moons", "The address should have one of line, sine, words, xor, circles, spiral, digits, points as data, but it has \"moons\".")]
    [InlineData("?data=points", "The address should have points where data is \"points\", but it has none.")]
    [InlineData("?data=points&points=1,2;3", "The address should have points of 2 or 3 numbers, all of as many, but it has others.")]
    [InlineData("?data=points&points=1,x", "The address should have a number as points, but it has \"x\".")]
    [InlineData("?data=points&points=1,NaN", "The address should have a number as points, but it has \"NaN\".")]
    [InlineData("?data=points&points=1,2,2&classes=2", "The address should have a class from 0 to 1 as the last number of each point, but it has 2.")]
    [InlineData("?data=points&points=1,2,2&classes=1", "The address should have 0 or 2 to 10 classes, but it has \"1\".")]
    [InlineData("?seed=1.5", "The address should have a whole number as seed, but it has \"1.5\".")]
    [InlineData("?lr=much", "The address should have a number as lr, but it has \"much\".")]
    [InlineData("?opt=lion", "The address should have one of sgd, adam, adamw, rmsprop, adagrad as opt, but it has \"lion\".")]
    [InlineData("?set=hidden.weight", "The address should have entries such as hidden.weight[0,0]=0.5 as set, but it has \"hidden.weight\".")]
    [InlineData("?set=hidden.weight%5B0%5D%3D1", "The address should have entries such as hidden.weight[0,0]=0.5 as set, but it has \"hidden.weight[0]=1\".")]
    public void A_tampered_address_is_refused(string query, string message) =>
        FluentActions.Invoking(() => Address.Read(query)).Should().Throw<PlaygroundException>().WithMessage(message);

    [Fact]
    public void Too_long_an_address_is_not_read() =>
        FluentActions.Invoking(() => Address.Read("?net=" + new string('1', 20_000))).Should().Throw<PlaygroundException>().WithMessage("An address has at most 16000 characters, but this one has 20004.");

    [Theory]
    [InlineData("?net=1-1-1+sigmoid+mze")]
    [InlineData("?net=1-1-1+sigmoid+mse&set=hidden.weight%5B7,0%5D%3D1")]
    [InlineData("?net=1-1-1+sigmoid+mse&set=hidden.wait%5B0,0%5D%3D1")]
    [InlineData("?net=1-1-1+sigmoid+mse&lr=-1")]
    [InlineData("?net=2-1+mse&data=line")]
    [InlineData("?net=1-99999-99999-1+mse")]
    [InlineData("?opt=sgd&nesterov=1")]
    public void A_page_with_a_tampered_address_has_the_notebooks_network_and_says_why(string query)
    {
        var bench = new Workbench();

        bench.Start(query).Should().Contain("\"error\":\"The address could not be read, so this is the notebook's network. ");
        bench.Session.Setup.Should().BeEquivalentTo(new Session(Setup.Notebook).Setup);
    }

    [Fact]
    public void Whatever_an_address_holds_the_page_starts()
    {
        var random = new Random(1);
        string[] starts = ["", "net=", "data=points&points=", "set=", "data=points&points=1,2&classes=", "seed=", "lr="];
        for (var i = 0; i < 2000; i++)
        {
            var query = $"?{starts[i % starts.Length]}{new string(random.GetItems(Alphabet, random.Next(40)))}";
            new Workbench().Start(query).Should().StartWith("{\"error\":", query);
        }
    }

    private static void Same(Session session)
    {
        var query = Address.Write(session.Setup);
        query.Should().NotBeNull();
        var again = new Session(Address.Read(query!));
        Address.Write(again.Setup).Should().Be(query);
        again.Setup.Network.Should().Be(session.Setup.Network);
        again.Setup.Optimizer.Should().Be(session.Setup.Optimizer);
        again.Values().Should().Equal(session.Values());
        again.Points.X.Should().BeEquivalentTo(session.Points.X);
        again.Points.Y.Should().BeEquivalentTo(session.Points.Y);
        again.Points.Classes.Should().Be(session.Points.Classes);
        again.Train(3);
        session.Reset();
        session.Train(3);
        again.Values().Should().Equal(session.Values());
    }
}
