using FluentAssertions;
using Xunit;

namespace Backprop.Tests;

public abstract class ModelFileTests<T> : IDisposable where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"backprop-{Guid.NewGuid():N}.safetensors");

    public void Dispose()
    {
        File.Delete(_path);
        GC.SuppressFinalize(this);
    }

    private static Sequential<TModel> Model<TModel>(int seed, int hidden = 4) where TModel : unmanaged, System.Numerics.IFloatingPointIeee754<TModel>
    {
        var generator = new Generator(seed);
        var norm = new BatchNorm1d<TModel>(hidden);
        var model = new Sequential<TModel>
        {
            { "hidden", new Linear<TModel>(3, hidden, generator: generator) }, { "norm", norm },
            new Sigmoid<TModel>(), { "output", new Linear<TModel>(hidden, 2, bias: false, generator: generator) },
        };
        model.Forward(Any.Matrix<TModel>(5, 3, seed), model.NewPass());     // moves the running statistics
        return model;
    }

    [Fact]
    public void A_loaded_model_has_the_saved_ones_bits()
    {
        var (saved, loaded) = (Model<T>(1), Model<T>(2));
        saved.Save(_path);
        Runs.Model(loaded).Should().NotBe(Runs.Model(saved));
        var report = loaded.Load(_path);
        Runs.Model(loaded).Should().Be(Runs.Model(saved));
        report.Loaded.Should().HaveCount(8);
        report.Missing.Concat(report.Unexpected).Should().BeEmpty();
    }

    [Fact]
    public void Names_may_have_a_prefix_or_others_in_the_file()
    {
        var (saved, loaded) = (Model<T>(1), Model<T>(2));
        var wrapped = new Sequential<T> { { "module", saved }, { "head", new Linear<T>(2, 1) } };
        wrapped.Save(_path);
        var report = loaded.Load(_path, prefix: "module.");
        Runs.Model(loaded).Should().Be(Runs.Model(saved));
        (report.Loaded.Count, report.Missing.Count, report.Unexpected.Count).Should().Be((8, 0, 0), "what has another prefix is none of its business");

        loaded = Model<T>(2);
        loaded.Load(_path, rename: name => name.StartsWith("head.", StringComparison.Ordinal) ? null : name["module.".Length..]);
        Runs.Model(loaded).Should().Be(Runs.Model(saved));

        var before = Runs.Model(loaded = Model<T>(2));
        foreach (var (load, message) in new (Action, string)[]
        {
            (() => loaded.Load(_path), "*missing: hidden.weight (4, 3)\n*The names there begin with another part: prefix: \"module.\" drops it."),
            (() => loaded.Load(_path, strict: false), "*nothing fits: no name there is one of the model's, the first of which is hidden.weight\n  The names there begin with another part: prefix: \"module.\" drops it."),
            (() => loaded.Load(_path, prefix: "encoder."), "*missing: encoder.hidden.weight (4, 3)\n*prefix: \"module.\" drops it."),
            (() => loaded.Load(_path, rename: name => name.StartsWith("head.", StringComparison.Ordinal) ? "hidden.bias" : name["module.".Length..]), "*two names: * and * are both hidden.bias here*"),
            (() => loaded.Load(_path, prefix: null!), "*(Parameter 'prefix')"),
        })
            load.Should().Throw<Exception>().WithMessage(message);
        Runs.Model(loaded).Should().Be(before);
    }

    [Fact]
    public void A_part_of_a_model_is_loaded_by_the_names_that_it_has_there()
    {
        var saved = Model<T>(1);
        saved.Save(_path);
        var head = new Linear<T>(4, 2, bias: false, generator: new Generator(9));
        head.Load(_path, prefix: "output.");
        Runs.Model(head).Should().Be(Runs.Model(saved["output"]));
        var other = new Sequential<T> { { "hidden", new Linear<T>(3, 4) }, { "norm", new BatchNorm1d<T>(4) }, { "new", new Linear<T>(4, 5) } };
        var report = other.Load(_path, strict: false);
        report.Missing.Should().Equal("new.weight", "new.bias");
        report.Unexpected.Should().Equal("output.weight");
        Runs.Model(other["norm"]).Should().Be(Runs.Model(saved["norm"]));
    }

    [Fact]
    public void A_checkpoint_is_no_model_file_but_its_model_can_be_loaded()
    {
        var trainer = Runs.Build<T>(new(EarlyStopping: new(1), Dropout: 0, LearningRate: 2));
        trainer.Fit(2);
        trainer.SaveCheckpoint(_path);
        var best = trainer.Evaluate(trainer.Validation!).Loss;
        var model = Runs.Build<T>(new(Seed: 9, Dropout: 0)).Model;
        var load = () => model.Load(_path);
        load.Should().Throw<InvalidDataException>().WithMessage("*It is a checkpoint: LoadCheckpoint goes on from it; prefix: \"model.\" loads what the model knew when it was saved, and prefix: \"best.\"*");
        model.Load(_path, prefix: "model.").Loaded.Should().HaveCount(9);
        Runs.Model(model).Should().Be(Runs.Model(trainer.Model));
        model.Load(_path, prefix: "best.");
        Runs.Model(model).Should().Be(Runs.Model(trainer.Model), "the best weights were restored");
        best.Should().Be(trainer.History.Best!.ValidationLoss);

        model.Save(_path);
        var resume = () => trainer.LoadCheckpoint(_path);
        resume.Should().Throw<InvalidDataException>().WithMessage("*is no checkpoint but a model file, which model.Load reads.");
    }

    [Fact]
    public void A_stream_has_the_files_bytes_and_is_read_even_if_it_cannot_seek()
    {
        var saved = Model<T>(1);
        saved.Save(_path);
        using var stream = new MemoryStream();
        saved.Save(stream);
        stream.ToArray().Should().Equal(File.ReadAllBytes(_path));

        var loaded = Model<T>(2);
        stream.Position = 0;
        loaded.Load(stream);
        Runs.Model(loaded).Should().Be(Runs.Model(saved));
        stream.CanRead.Should().BeTrue("it stays open");
        loaded = Model<T>(2);
        loaded.Load(new OneWayStream(stream.ToArray()));
        Runs.Model(loaded).Should().Be(Runs.Model(saved));

        loaded = Model<T>(2);
        var before = Runs.Model(loaded);
        for (var length = 0; length < stream.Length; length += 7)
        {
            loaded.Invoking(m => m.Load(new OneWayStream(stream.ToArray()[..length]))).Should().Throw<InvalidDataException>();
            Runs.Model(loaded).Should().Be(before);
        }
    }

    [Theory]
    [InlineData(SafeTensorsType.F16, 1.0 / 2048)]
    [InlineData(SafeTensorsType.BF16, 1.0 / 256)]
    [InlineData(SafeTensorsType.F32, 1.0 / 16777216)]
    [InlineData(SafeTensorsType.F64, 0)]
    public void Values_are_stored_as_asked_for_and_read_again(SafeTensorsType type, double relative)
    {
        var (saved, loaded) = (Model<T>(1), Model<T>(2));
        saved.Save(_path, storeAs: type);
        using (var file = SafeTensorsReader.Open(_path))
            file.Entries.Select(entry => entry.Type).Distinct().Should().BeEquivalentTo([type, SafeTensorsType.I64]);
        loaded.Load(_path, convert: true);
        foreach (var (there, here) in saved.Parameters.SelectMany(p => p.Values.ToArray()).Zip(loaded.Parameters.SelectMany(p => p.Values.ToArray())))
            double.CreateChecked(here).Should().BeApproximately(double.CreateChecked(there), relative * Math.Abs(double.CreateChecked(there)));

        saved.Invoking(m => m.Save(_path, storeAs: SafeTensorsType.I64)).Should().Throw<ArgumentException>()
            .WithMessage("Save expects storeAs to be F16, BF16, F32 or F64, but it is I64. (Parameter 'storeAs')");
    }

    [Fact]
    public void A_value_that_would_become_infinite_is_refused_and_nothing_changes()
    {
        var saved = Model<T>(1);
        saved.Save(_path);
        var file = File.ReadAllBytes(_path);
        saved.Get<Linear<T>>("output").Weight.Value[1, 2] = T.CreateChecked(-1e5);
        saved.Invoking(m => m.Save(_path, SafeTensorsType.F16)).Should().Throw<OverflowException>()
            .WithMessage("The tensor 'output.weight' has -100000 at [1, 2], beyond the range of F16.");
        File.ReadAllBytes(_path).Should().Equal(file);

        var large = Model<double>(1);
        large.Get<Linear<double>>("output").Weight.Value[1, 2] = 1e300;
        large.Save(_path);
        var single = Model<float>(2);
        var before = Runs.Model(single);
        single.Invoking(m => m.Load(_path, convert: true)).Should().Throw<InvalidDataException>()
            .WithMessage($"{_path} does not fit {single}:\n  out of range: output.weight has 1E+300 at [1, 2], beyond the range of float");
        Runs.Model(single).Should().Be(before);
    }

    [Fact]
    public void What_is_one_here_but_not_in_the_file_is_refused()
    {
        new Sequential<T> { { "first", new Linear<T>(3, 3) }, { "second", new Linear<T>(3, 3) } }.Save(_path);
        var shared = new Linear<T>(3, 3);
        var model = new Sequential<T> { { "first", shared }, { "second", shared } };
        Refused(model, $"{_path} does not fit {model}:\n  different values: first.weight and second.weight are one here, but not in the file\n  different values: first.bias and second.bias are one here, but not in the file");
    }

    [Fact]
    public void A_file_of_a_later_version_is_refused_and_one_without_a_version_is_not()
    {
        var model = Model<T>(1);
        model.Save(_path);
        using (var file = SafeTensorsReader.Open(_path)) file.Metadata.Should().Contain("backprop model", "1");
        var bytes = File.ReadAllText(_path, System.Text.Encoding.Latin1);
        File.WriteAllText(_path, bytes.Replace("\"backprop model\":\"1\"", "\"backprop model\":\"2\"", StringComparison.Ordinal), System.Text.Encoding.Latin1);
        Refused(model, $"{_path} is a model file of version '2', and this version of Backprop reads those up to 1: a newer one wrote it.");
        File.WriteAllText(_path, bytes.Replace("\"backprop model\":\"1\"", "\"another model\" :\"1\"", StringComparison.Ordinal), System.Text.Encoding.Latin1);
        model.Load(_path);
    }

    [Fact]
    public void The_file_has_PyTorchs_names_shapes_and_order_of_values()
    {
        var model = Model<T>(1);
        model.Save(_path);
        using var file = SafeTensorsReader.Open(_path);
        var type = typeof(T) == typeof(double) ? "F64" : "F32";
        file.Entries.Select(entry => entry.ToString()).Should().BeEquivalentTo(
            $"hidden.weight: {type} [4, 3]", $"hidden.bias: {type} [4]", $"norm.weight: {type} [4]", $"norm.bias: {type} [4]", $"norm.running_mean: {type} [4]",
            $"norm.running_var: {type} [4]", "norm.num_batches_tracked: I64 []", $"output.weight: {type} [2, 4]");
        file.Metadata.Should().Contain("format", "pt");
        var weight = new T[12];
        file.Read("hidden.weight", weight.AsSpan());
        weight.Should().Equal(model.Get<Linear<T>>("hidden").Weight.Value.ToRowMajorArray());
    }

    [Fact]
    public void One_message_lists_all_that_does_not_fit_and_nothing_changes()
    {
        Model<T>(1, hidden: 5).Save(_path);
        var other = new Sequential<T> { { "hidden", new Linear<T>(3, 4) }, { "output", new Linear<T>(5, 2) }, { "last", new Linear<T>(2, 1, bias: false) } };
        Refused(other, $"""
            {_path} does not fit {other}:
              wrong shape: hidden.weight is (5, 3) in the file and (4, 3) here
              wrong shape: hidden.bias is (5) in the file and (4) here
              missing: output.bias (2)
              missing: last.weight (1, 2)
              unexpected: norm.*
            """);
        Refused(other, "*:\n  wrong shape: hidden.weight is (5, 3) in the file and (4, 3) here\n  wrong shape: hidden.bias is (5) in the file and (4) here", strict: false);
    }

    [Fact]
    public void What_both_have_is_loaded_when_strictness_is_not_asked_for()
    {
        var saved = Model<T>(1);
        saved.Save(_path);
        var other = new Sequential<T> { { "hidden", new Linear<T>(3, 4) }, { "last", new Linear<T>(4, 1) } };
        var last = Runs.Model(other["last"]);
        var report = other.Load(_path, strict: false);
        report.Loaded.Should().Equal("hidden.weight", "hidden.bias");
        report.Missing.Should().Equal("last.weight", "last.bias");
        report.Unexpected.Should().BeEquivalentTo("norm.weight", "norm.bias", "norm.running_mean", "norm.running_var", "norm.num_batches_tracked", "output.weight");
        report.ToString().Should().StartWith("loaded: hidden.weight, hidden.bias\nmissing: last.weight, last.bias\nunexpected: ");
        Runs.Model(other["hidden"]).Should().Be(Runs.Model(saved["hidden"]));
        Runs.Model(other["last"]).Should().Be(last);
    }

    [Fact]
    public void Another_precision_is_converted_on_request_only()
    {
        var (single, twice) = (Model<float>(1), Model<double>(1));
        if (typeof(T) == typeof(double)) single.Save(_path);
        else twice.Save(_path);
        var model = Model<T>(2);
        Refused(model, "*wrong type: hidden.weight is F?? in the file and F?? here; convert: true converts it*");
        model.Load(_path, convert: true);
        var expected = typeof(T) == typeof(double) ? single.Parameters.SelectMany(p => p.Values.ToArray()).Select(T.CreateChecked) : twice.Parameters.SelectMany(p => p.Values.ToArray()).Select(T.CreateChecked);
        model.Parameters.SelectMany(p => p.Values.ToArray()).Should().Equal(expected);
        model.NamedBuffers().Select(named => named.Buffer).OfType<CounterBuffer<T>>().Single().Value.Should().Be(1);
    }

    [Fact]
    public void A_layer_that_stands_twice_is_there_under_both_names_as_in_PyTorch()
    {
        var shared = new Linear<T>(3, 3);
        var model = new Sequential<T> { { "first", shared }, { "second", shared } };
        model.Save(_path);
        var other = new Linear<T>(3, 3);
        new Sequential<T> { { "first", other }, { "second", other } }.Load(_path);
        Runs.Model(other).Should().Be(Runs.Model(shared));
    }

    [Fact]
    public void A_file_cut_short_anywhere_changes_nothing()
    {
        Model<T>(1).Save(_path);
        var bytes = File.ReadAllBytes(_path);
        var model = Model<T>(2);
        for (var length = 0; length < bytes.Length; length += 7)
        {
            File.WriteAllBytes(_path, bytes[..length]);
            Refused(model, "*");
        }
    }

    private void Refused<TModel>(Layer<TModel> model, string message, bool strict = true) where TModel : unmanaged, System.Numerics.IFloatingPointIeee754<TModel>
    {
        var before = Runs.Model(model);
        model.Invoking(m => m.Load(_path, strict)).Should().Throw<InvalidDataException>().WithMessage(message);
        Runs.Model(model).Should().Be(before);
    }
}

public sealed class ModelFileDoubleTests : ModelFileTests<double>;

public sealed class ModelFileSingleTests : ModelFileTests<float>;
