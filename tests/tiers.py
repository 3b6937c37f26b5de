"""What ``make test`` leaves out: ``make test-all``, ``make check`` and CI run it, under the mark ``slow``.

One table, so that nobody has to guess what a quick run has not seen: every row says what is left out and what still
looks at the same thing. A test that is slow as a whole may carry the mark itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

import pytest

# As a parameter of any test: the largest network of a family stays out, its smaller ones stay in. Inception-ResNet has
# none: its unit is in test_unit_graph and test_every_gate, its numbers are in the full run.
GIANTS = frozenset(
    {
        "senet154", "legacy_senet154", "se_inception_resnet_v2", "se_resnet101", "se_resnet152", "sknet101",
        "se_resnext101_32x4d",
    }
)  # fmt: skip
# Of the networks that ``conftest.traced`` goes through, in every test that asks for them: one network of every layout
# and the four small ones. The others are of a layout that is there.
TRACED = ("ours/*", "timm/*", "torchvision/*", "models/tiny_*")
# Of the networks that carry inserted gates, one a host.
HOST = ("se_resnet50", "se_bn_inception", "mobilenet_v3_small", "sknet26", "se_vgg16_bn")
HOSTS = tuple(f"{name}*" for name in HOST)


@dataclass(frozen=True)
class Cut:
    """Of one test, what the default tier has.

    Attributes:
        test: file and function.
        still: what of the same thing is in the default tier.
        keep: ids of parameters, with * as in file names; () for none.
    """

    test: str
    still: str
    keep: tuple[str, ...] = ()


CUTS = (
    # --- lessons ---
    Cut(
        "test_lessons.py::test_a_step_opens", "every step in English; the Chinese ones differ in words alone", ("*-en",)
    ),
    Cut(
        "browser/test_guide.py::test_a_lesson_is_walked_to_its_end_with_the_keyboard_alone",
        "a lesson in Chinese; test_lessons opens every step of all in English",
        ("is_attention_importance-zh",),
    ),
    Cut("browser/test_guide.py::test_next_back_and_reload_keep_the_place", "one step of three", ("6",)),
    Cut("browser/test_guide.py::test_steps_that_are_pressed_fast_are_not_lost", "one pace of three", ("20",)),
    Cut("browser/test_guide.py::test_a_step_that_the_server_missed_is_asked_for_again", "one step of two", ("7",)),
    # --- what is taken home ---
    Cut(
        "test_page_numbers.py::test_every_table_that_a_page_shows_is_in_its_archive",
        "every page that has tables, in one language; the words are those of the page",
        ("lessons-en", "compare-zh", "what_it_costs-en", "where_it_sits-zh", "kernel_selection-zh", "sk_anatomy-en"),
    ),
    Cut(
        "test_deck.py::test_the_charts_of_a_deck_have_the_numbers_of_the_rows",
        "test_bars_have_the_rows_of_the_figures_table_and_its_names; test_a_deck_of_a_page_has_the_figures_numbers",
    ),
    # --- networks: every row of a registry ---
    Cut("test_replay.py::test_it_holds_on_other_processors", "test_every_step_of_every_block_agrees, on this one"),
    Cut(
        "test_every_gate.py::test_every_combination_of_options_is_at_work_in_a_unit",
        "test_every_pair_of_options_is_at_work_in_a_unit, in every unit",
    ),
    Cut(
        "test_every_gate.py::test_every_gate_runs_learns_and_matters",
        "the released network of every host; every pair of options in the units",
        tuple(f"{name}-{{}}" for name in HOST),
    ),
    Cut("test_every_gate.py::test_options_reach_every_block_of_every_network", "one network a host", HOSTS),
    Cut("test_unit_graph.py::test_order_and_modules_are_those_of_a_real_forward", "one network a host", HOSTS),
    Cut("test_unit_graph.py::test_wires_carry_what_flows", "one network a host", HOSTS),
    Cut(
        "test_questions.py::test_what_is_called_right_is_right",
        "every question in two scenes or more, every kind of gate, photos of somebody's own",
        (
            "tiny_se-*-chelsea-5",
            "tiny_se-*-rocket-9",
            "tiny_se-*-up-flat-4",
            "tiny_se_h-*-chelsea-9",
            "tiny_se_h-*-rocket-1",
            "tiny_se_h-*-up-noise-4",
            "tiny_sk-*-chelsea-9",
            "tiny_sk-*-rocket-5",
            "tiny_sk-*-up-flat-4",
            "mobilenet_v3_small-*-coffee-5",
        ),
    ),
    Cut(
        "test_what_it_costs_page.py::test_every_network_opens",
        "one network of each family; test_counting counts the others without a page",
        ("se_resnet50", "legacy_seresnet18", "skresnet18", "se_vgg16_bn", "tiny_se"),
    ),
    Cut("test_what_it_costs_page.py::test_options_are_counted", "test_what_each_option_costs, on a smaller network"),
    Cut("test_what_it_costs_page.py::test_every_table", "a table of each kind", ("se2", "se13", "se15", "sk7")),
    Cut(
        "test_what_it_costs_page.py::test_time_is_measured_when_asked",
        "the button without the measuring: test_it_opens",
    ),
    Cut(
        "test_what_it_costs_page.py::test_another_network_begins_with_its_own_gates",
        "the test of this name in test_compare_page",
    ),
    Cut("test_what_it_costs_page.py::test_figures_become_slides", "English", ("en",)),
    Cut(
        "test_counting.py::test_equation_5_agrees_with_the_modules",
        "two reductions of ResNet-50",
        ("[28]-se_resnet50",),
    ),
    Cut("test_counting.py::test_the_gates_share_is_what_the_gates_add", "one network a host", HOSTS),
    Cut(
        "test_counting.py::test_every_network_agrees_with_torchs_counter",
        "one network a host and one a layout",
        (*HOSTS, "tiny_*", "skresnet18", "legacy_seresnet18", "efficientnet_b0"),
    ),
    Cut(
        "test_gpu.py::test_the_benchmark_runs_on_the_cpu",
        "test_gates_alone_are_those_of_the_traces, and the profiles of test_gate_profile",
    ),
    # --- attributions: every method, network and photo ---
    Cut("test_attribution.py::test_integrated_gradients_add_up", "one network and photo", ("tiny_se-coffee",)),
    Cut(
        "test_attribution.py::test_gate_integrated_gradients_add_up",
        "SK and h-sigmoid; the next but one has every method",
        (
            "tiny_sk-coffee",
            "tiny_se_h-coffee",
        ),
    ),
    Cut(
        "test_attribution.py::test_it_says_how_far_it_is_and_can_be_ended",
        "the two quick methods, SE and SK",
        (
            "tiny_se-conductance",
            "tiny_sk-gate_ablation",
        ),
    ),
    Cut(
        "test_attribution.py::test_grad_cam_is_the_papers_where_activations_overwrite_their_input",
        "the small ones of five networks",
        ("torchvision/*", "timm/*", "ours/*", "models/mobilenet_v3_small"),
    ),
    Cut(
        "test_attribution.py::test_every_method_has_the_shape_of_what_it_explains_and_leaves_nothing",
        "every method, on SK",
        ("tiny_sk-*",),
    ),
    Cut(
        "test_engine.py::test_an_attribution_says_how_far_it_is_and_ends_when_nobody_waits",
        "test_attribution.test_it_says_how_far_it_is_and_can_be_ended, and the engine's other questions",
    ),
    Cut(
        "test_attribution_page.py::test_it_opens_with_every_kind_of_network",
        "every kind of gate, each language",
        ("tiny_se-pretrained-en", "tiny_sk-pretrained-zh", "tiny_se_h-pretrained-en", "mobilenet_v3_small-random-zh"),
    ),
    Cut(
        "test_attribution_page.py::test_every_dot_is_a_channel",
        "two of four methods; test_attribution has the numbers of all",
        ("gate_ablation", "gradient_x_gate"),
    ),
    Cut(
        "test_attribution_page.py::test_the_heat_lies_on_the_pixels_that_the_model_saw",
        "one of three methods, both places",
        ("grad_cam-*",),
    ),
    # --- experiments: every network ---
    Cut(
        "test_channel_ranking.py::test_a_ranking_is_its_channels_one_by_one", "the network with most branches", ("sk",)
    ),
    Cut("test_channel_ranking.py::test_other_operations_and_edits_that_are_there_already", "the same", ("sk",)),
    Cut("test_gate_ablation.py::test_every_condition_is_one_picture_at_a_time", "one of four networks", ("ours/se",)),
    Cut("test_gate_ablation.py::test_sample_photos_under_the_same_gates", "one of three networks", ("tiny_se_h",)),
    # --- pages: network x language x choice ---
    Cut(
        "test_what_if_page.py::test_it_opens_with_every_kind_of_network",
        "every kind of gate, each language",
        (
            "tiny_se-zh",
            "tiny_sk-en",
            "tiny_se_h-en",
            "mobilenet_v3_small-zh",
        ),
    ),
    Cut("test_sk_anatomy_page.py::test_other_weights_give_another_v", "one of two networks", ("*-tiny_sk",)),
    Cut(
        "test_sk_anatomy_page.py::test_it_opens_with_every_choice",
        "two networks",
        (
            "tiny_sk-*",
            "skresnet18-en",
        ),
    ),
    Cut(
        "test_sk_anatomy_page.py::test_every_unit_opens",
        "each network, each number",
        (
            "tiny_sk-2",
            "skresnet18-3",
        ),
    ),
    Cut(
        "test_class_profiles_page.py::test_it_opens_with_every_kind_of_network",
        "every kind of gate, each language",
        ("tiny_se-pretrained-tiny_se-en", "tiny_sk-pretrained-tiny_sk-zh", "mobilenet_v3_small-random-tiny_se-zh"),
    ),
    Cut("test_notation.py::test_what_a_figure_calls_s_is_a_gate", "its other tests: texts, formulas and the pointer"),
    Cut(
        "test_ui.py::test_nonsense_in_the_url_is_ignored",
        "every kind of value: a word, a number, a name of the session's own",
        ("channel-*", "model-nonsense", "photo-nonsense", "lang-xx", "_shown-x", "input-31", "device-*"),
    ),
    # --- figures ---
    Cut(
        "test_deck.py::test_a_deck_of_every_figure_on_every_page_has_the_figures_numbers",
        "the figures of two pages, one a language: test_a_deck_of_a_page_has_the_figures_numbers",
    ),
    Cut("test_words_apart.py::test_names_of_rules_stand_outside_the_plot_on_screen", "one model of two", ("tiny_se",)),
    Cut(
        "test_words_apart.py::test_words_lie_on_nothing_and_on_no_other_words",
        "test_slides.test_nothing_is_clipped_and_texts_stay_apart, on figures of every kind of mark",
    ),
    Cut(
        "test_slides.py::test_without_a_font_the_slide_is_english_and_says_so",
        "every kind of file once",
        ("pdf-none", "png-latin", "svg-none"),
    ),
    Cut(
        "test_slides.py::test_the_row_that_is_framed_can_be_seen",
        "each size, each paper",
        (
            "512-dark",
            "16-light",
        ),
    ),
    Cut(
        "test_slides.py::test_slides_drawn_at_once_are_the_slides_drawn_in_turn",
        "slides in turn; test_engine has threads",
    ),
    Cut(
        "test_pages.py::test_every_block_opens",
        "SE; test_sk_anatomy_page.test_every_unit_opens has a unit of timm's SK",
        ("mobilenet_v3_small",),
    ),
    Cut(
        "test_pages.py::test_every_page_opens",
        "every kind of gate, each language",
        (
            "tiny_se-en",
            "tiny_sk-zh",
            "mobilenet_v3_small-zh",
            "efficientnet_b0-en",
            "legacy_seresnet18-en",
        ),
    ),
    Cut(
        "test_off_list.py::test_it_says_so_once_where_the_answer_is",
        "every page in one language",
        (
            "squeeze-en",
            "excitation-zh",
            "rescale-en",
            "channel_weights-zh",
            "kernel_selection-zh",
            "sk_anatomy-en",
            "compare-zh",
            "what_if-en",
            "attribution-zh",
            "class_profiles-zh",
        ),
    ),
    Cut(
        "test_compare_page.py::test_it_opens_against_every_kind_of_rival",
        "every kind, in one language",
        (
            "mobilenet_v3_small-zh",
            "tiny_sk-zh",
            "tiny_plain-en",
            "ones-en",
            "random-zh",
        ),
    ),
    Cut(
        "test_kernel_selection_page.py::test_the_curve_is_the_models",
        "each photo, each blur",
        (
            "chelsea-2",
            "coffee-0",
        ),
    ),
    Cut(
        "test_foreign_networks.py::test_its_gates_are_traced_without_class_scores",
        "segmentation; what is refused is tested of all",
        (
            "lraspp",
            "deeplabv3",
        ),
    ),
    # --- processes of their own ---
    Cut("test_cli_fuzz.py::test_any_line_is_answered", "every verb that runs no sweep and opens no page", ("[!dsw]*",)),
    Cut("test_cli_fuzz.py::test_a_line_in_a_process_of_its_own", "one line", ("2",)),
    Cut("test_cli_refusals.py::test_every_network_can_be_counted_at_both_limits", "a small network", ("tiny_plain",)),
    Cut("test_cli_refusals.py::test_messages_may_go_the_same_way", "test_a_pipe_that_is_closed_early_is_no_error"),
    Cut("test_cli_refusals.py::test_a_large_output_may_be_read_in_part", "the same"),
    Cut(
        "test_cli_refusals.py::test_a_terminal_that_knows_only_ascii_shows_everything",
        "the same output in UTF-8: test_list_names_every_model",
    ),
    Cut("test_cli.py::test_all_trains_the_four_with_one_recipe", "test_training.test_it_learns"),
    Cut("test_cli.py::test_what_goes_wrong_with_training_is_one_sentence", "the other verbs' refusals in test_cli"),
    Cut("test_training.py::test_killed_in_the_middle_and_resumed_is_the_same_training", "the next one"),
    Cut("test_training.py::test_interrupted_and_resumed_is_the_same_training", "one of four blocks", ("se",)),
    # --- in the browser: page x language x width, and long walks ---
    Cut(
        "browser/test_boxes.py::test_every_step_of_the_stage_can_be_read",
        "SE on a phone in Chinese, SK on the small projector in English",
        ("tiny_se-zh-390", "tiny_sk-en-1280"),
    ),
    Cut(
        "browser/test_classroom.py::test_they_vote_discuss_vote_again_and_the_model_settles_it",
        "test_class_desk and test_class_socket: votes and what settles them, without a browser",
    ),
    Cut(
        "browser/test_classroom.py::test_who_loses_the_network_lands_on_the_present_state_and_a_reload_keeps_the_room",
        "test_class_socket: what somebody is told who comes late",
    ),
    Cut(
        "browser/test_classroom.py::test_three_students_join_follow_wander_and_come_back",
        "test_a_move_reaches_every_student_of_the_room_and_nobody_else, over the socket alone",
    ),
    Cut(
        "test_class_socket.py::test_noise_has_no_effect",
        "test_who_sends_a_flood_or_leaves_without_a_word_hurts_nobody",
    ),
    Cut(
        "browser/test_any_model.py::test_three_networks_by_name",
        "test_library.test_a_network_by_name_is_traced_and_what_is_done_again_agrees, without a browser",
    ),
    Cut(
        "browser/test_any_model.py::test_an_address_with_an_unknown_name_says_the_nearest_and_shows_something",
        "test_an_unknown_name_suggests_the_nearest, on the command line",
    ),
    Cut(
        "browser/test_stage_page.py::test_a_part_leads_to_the_page_that_looks_closer",
        "one part of each model",
        ("tiny_se-hidden-*", "tiny_sk-gate-*"),
    ),
    Cut(
        "browser/test_stage_page.py::test_it_fills_the_first_screen_with_nothing_to_scroll",
        "each size, each language",
        ("1280-en", "1920-zh"),
    ),
    Cut("browser/test_deck.py::test_figures_are_put_aside_on_two_pages_and_saved_with_one_click", "Chinese", ("zh",)),
    Cut("browser/test_deck.py::test_a_dark_deck_is_dark", "test_deck: every mark on dark paper"),
    Cut("browser/test_lessons_page.py::test_a_card_starts_its_lesson", "one language", ("zh",)),
    Cut("browser/test_guide.py::test_a_lesson_survives_a_photo_of_ones_own", "test_the_language_goes_along"),
    Cut(
        "browser/test_guide.py::test_a_lesson_that_is_left_is_gone",
        "test_with_no_lesson_nothing_of_it_is_there",
    ),
    Cut(
        "browser/test_journeys.py::test_the_scale_of_the_address_is_where_it_begins",
        "test_scale_pages.test_the_scrubber_holds_the_models_gates; test_what_plays_belongs_to_the_photo_on_screen",
    ),
    Cut(
        "browser/test_takeaway.py::test_a_photo_of_ones_own_comes_along_without_a_way_back",
        "test_slides.test_samples_bring_their_credit_and_own_photos_have_none",
    ),
    Cut(
        "browser/test_walk.py::test_forwards_and_backwards_by_the_links_under_every_page",
        "test_one_press_of_back_is_one_page follows the links of four pages, the next one meets all",
    ),
    Cut(
        "browser/test_walk.py::test_in_any_order_by_the_menu",
        "test_journeys.test_the_pages_are_a_walk_from_one_to_the_next meets all pages in one order",
    ),
    Cut(
        "browser/test_components.py::test_every_page_has_one_title_and_no_level_is_left_out",
        "test_boxes reads the levels of every page on one network",
    ),
    Cut(
        "browser/test_components.py::test_no_quick_click_on_the_console_is_lost_or_doubled",
        "test_ui: clicks are numbered, each is taken once; test_of_quick_pins_the_last_one_holds",
    ),
    Cut(
        "browser/test_components.py::test_arrow_keys_on_the_console_move_and_enter_clicks",
        "test_journeys.test_arrow_keys_move_the_pin",
    ),
    Cut("browser/test_components.py::test_a_page_scrolls_before_anybody_has_clicked", "one key of two", ("PageDown",)),
    Cut("browser/test_components.py::test_a_board_has_a_name_and_says_where_its_pin_is", "English", ("en",)),
    Cut(
        "browser/test_components.py::test_nothing_moves_for_who_asked_for_no_moves",
        "a photo that plays: test_what_plays_belongs_to_the_photo_on_screen",
    ),
    Cut(
        "browser/test_components.py::test_a_channel_that_is_clicked_twice_is_open_again",
        "test_no_quick_click_on_the_console_is_lost_or_doubled",
    ),
    Cut(
        "browser/test_slides.py::test_a_slide_names_model_block_and_photographer_and_leads_back",
        "test_slides: what a slide says; test_a_pdf_is_one_page_whose_text_can_be_searched comes from a page",
    ),
    Cut(
        "browser/test_slides.py::test_a_photo_of_ones_own_has_no_credit_and_no_way_back",
        "test_slides.test_samples_bring_their_credit_and_own_photos_have_none",
    ),
    Cut("browser/test_slides.py::test_a_figure_that_is_of_no_photo_claims_none", "the same"),
    Cut(
        "browser/test_networks.py::test_the_options_of_every_kind_of_network_fit_on_a_small_projector",
        "test_what_it_costs_page: every option has a control",
    ),
    Cut(
        "browser/test_networks.py::test_the_place_of_a_gate_is_drawn_and_its_gradient_is_what_is_measured",
        "test_where_it_sits_page has the same numbers without a browser",
    ),
    Cut(
        "browser/test_off_list.py::test_from_a_wrong_answer_to_a_network_that_knows_more",
        "test_off_list: what is said beside an answer, without a browser",
    ),
    Cut(
        "browser/test_off_list.py::test_every_model_fits_the_box_with_what_is_said_of_it",
        "test_off_list.test_the_list_of_models_says_where_weights_are",
    ),
    Cut(
        "browser/test_off_list.py::test_a_model_stays_chosen_when_its_weights_have_come",
        "test_off_list.test_the_list_of_models_says_where_weights_are",
    ),
    Cut(
        "browser/test_uploads.py::test_every_file_gets_its_own_sentence_where_it_was_chosen",
        "test_pages: files that are no photo, each with its sentence",
    ),
    Cut("browser/test_uploads.py::test_the_limits_hold_and_nothing_is_written", "test_sets and test_reading: limits"),
    Cut("browser/test_uploads.py::test_without_a_secure_address_the_camera_says_so", "test_ui: allows_camera"),
    Cut(
        "browser/test_journeys.py::test_bad_uploads_say_why_and_change_nothing",
        "test_pages: the same without a browser",
    ),
    Cut("browser/test_journeys.py::test_the_scrubber_asks_nobody", "test_the_epoch_of_the_address_is_where_it_begins"),
    Cut(
        "browser/test_components.py::test_what_plays_belongs_to_the_photo_on_screen",
        "test_stage.test_nothing_survives_a_redraw, of the stage",
    ),
    Cut(
        "browser/test_journeys.py::test_a_shared_url_restores_everything_for_somebody_else",
        "test_pages: addresses without a browser",
    ),
    Cut(
        "browser/test_journeys.py::test_a_zip_of_photos_is_measured_and_a_bad_one_is_named",
        "test_kernel_selection_page has it without a browser, test_uploads a zip of class folders in one",
    ),
    Cut(
        "browser/test_journeys.py::test_guess_see_and_pin_the_channel_that_matters",
        "test_attribution_page: every dot, every guess",
    ),
    Cut(
        "browser/test_journeys.py::test_only_what_random_weights_have_made_is_called_untrained",
        "test_pages.test_untrained_is_said_and_only_then; test_slides: what a slide says",
    ),
    Cut(
        "browser/test_journeys.py::test_what_streamlit_writes_itself_is_in_the_pages_language",
        "test_walk.test_the_browser_is_told_which_language_the_page_speaks",
    ),
    Cut(
        "browser/test_journeys.py::test_a_click_on_a_strip_pins_what_it_says",
        "test_a_click_on_the_atlas_pins_what_the_tooltip_says",
    ),
    Cut(
        "browser/test_journeys.py::test_an_svg_is_that_figure",
        "test_slides has every kind of file, test_a_png_is_a_slide_in_chinese comes from a page",
    ),
    Cut("browser/test_journeys.py::test_a_csv_holds_the_models_numbers", "the same"),
    Cut(
        "browser/test_journeys.py::test_the_gate_function_changes_before_your_eyes",
        "test_pages: the numbers of either function",
    ),
    Cut(
        "browser/test_journeys.py::test_the_carpet_takes_you_to_a_block",
        "test_a_click_on_the_atlas_pins_what_the_tooltip_says is the same board",
    ),
    Cut(
        "browser/test_journeys.py::test_words_are_read_on_either_background",
        "test_boxes.test_every_text_can_be_read; palette's contrasts in test_drawing",
    ),
    Cut(
        "browser/test_journeys.py::test_a_good_upload_becomes_the_photo",
        "test_uploads.test_own_photos_are_seen_and_removed",
    ),
    Cut(
        "browser/test_journeys.py::test_the_first_picture_needs_no_click",
        "test_pages.test_first_picture_needs_no_click",
    ),
    Cut("browser/test_components.py::test_captions_are_read_by_weak_eyes", "test_drawing: contrasts of the palette"),
    Cut(
        "browser/test_components.py::test_the_focus_stays_with_who_types_and_near_what_was_pressed",
        "test_a_page_scrolls_before_anybody_has_clicked: who has the focus on arrival",
    ),
    Cut(
        "browser/test_components.py::test_of_quick_pins_the_last_one_holds",
        "test_journeys.test_arrow_keys_move_the_pin",
    ),
    Cut(
        "browser/test_boxes.py::test_a_wide_page_is_not_drawn_again",
        "test_ui.test_the_width_that_a_browser_tells_is_kept_within_bounds",
    ),
    Cut(
        "browser/test_walk.py::test_the_address_keeps_what_an_embedding_page_asked_for",
        "test_one_press_of_back_is_one_page reads addresses too",
    ),
    Cut(
        "browser/test_uploads.py::test_a_photo_from_the_camera_is_traced",
        "test_own_photos_are_seen_and_removed: the same way from a file",
    ),
    Cut(
        "browser/test_uploads.py::test_class_folders_of_ones_own_are_profiled",
        "test_class_profiles_page has it without a browser",
    ),
    Cut("test_learning_page.py::test_figures_become_slides", "one kind a language", ("png-en", "csv-zh")),
    Cut(
        "browser/test_learning.py::test_the_film_asks_nobody_and_shows_what_each_network_answers",
        "the rest of that file; test_learning_page has its numbers, test_journeys what the scrubber sends",
    ),
    Cut("test_cli.py::test_side_by_side_is_the_same_as_alone", "test_training.test_it_learns"),
    Cut(
        "test_adding.py::test_a_page_is_one_file_one_row_its_words_and_its_test",
        "the verb's half: test_a_verb_is_one_file_one_row_and_its_test",
    ),
    Cut(
        "test_what_if_page.py::test_every_change_that_is_offered_can_be_made_in_one_block_and_in_all",
        "test_edits: every operation in every layout",
    ),
    Cut(
        "browser/test_boxes.py::test_every_text_can_be_read",
        "a page in English on every width, one in Chinese on a phone; test_words_apart reads all without a browser",
        (
            "en-*-squeeze",
            "zh-*-compare",
        ),
    ),
    Cut(
        "browser/test_stage.py::test_every_number_of_every_step_is_the_models",
        "our own blocks and one without hidden units",
        (
            "ours/*",
            "timm/ecaresnet26t",
        ),
    ),
    Cut(
        "test_renderers.py::test_a_third_renderer_needs_nothing_but_a_placed_figure",
        "the rest of test_renderers: every renderer knows every mark",
    ),
    Cut(
        "browser/test_boxes.py::test_on_a_phone_the_menu_closes_when_a_page_is_chosen",
        "test_every_text_can_be_read goes to a page by its menu on a phone",
    ),
    Cut(
        "browser/test_journeys.py::test_a_png_is_a_slide_in_chinese",
        "browser/test_slides has a PDF of a page; test_slides: Chinese letters",
    ),
    Cut(
        "browser/test_journeys.py::test_a_click_on_a_map_mutes_its_channel_and_undo_opens_it",
        "test_what_if_page: what a click on the atlas changes, undone",
    ),
    Cut(
        "browser/test_walk.py::test_the_first_page_is_found_under_its_own_name_too",
        "test_the_pages_are_a_walk_from_one_to_the_next",
    ),
    Cut("test_reading.py::test_a_photo_of_48_megapixels_is_read", "one format of three", ("JPEG",)),
    Cut(
        "test_kernel_colours.py::test_each_kernel_has_one_colour_in_every_figure_of_every_page",
        "the figures of selection one by one: test_figures_of_selection_keep_to_it_with_any_numbers",
    ),
    Cut("test_cli.py::test_profile_and_card_follow", "test_gate_profile and test_model_card, without training first"),
    Cut(
        "test_cli.py::test_what_goes_wrong_with_worth_is_one_sentence",
        "test_gate_profile and test_model_card, without training first",
    ),
    Cut(
        "browser/test_addresses.py::test_a_deep_link_brings_every_page_as_it_was",
        "test_pages and every page's own tests open addresses without a browser",
    ),
    Cut(
        "test_takeaway.py::test_an_archive_has_every_figure_of_the_page_and_says_what_every_column_is",
        "a page of every section, in one language",
        ("block-en", "squeeze-zh", "kernel_selection-en", "compare-zh", "what_if-en"),
    ),
    Cut("browser/test_boxes.py::test_the_look_finds_what_cannot_be_read", "it is the test of a tool of the tests"),
    Cut("browser/test_walk.py::test_the_browser_is_told_which_language_the_page_speaks", "Chinese", ("zh-*",)),
)
BY_TEST = {cut.test: cut for cut in CUTS}
IDLE = pytest.StashKey[list[str]]()  # patterns of ``keep`` that fit no test which was collected


def slow(test: str, parameters: str, traced: str = "") -> bool:
    """Whether only the full run has it.

    Args:
        test: file below ``tests`` and function.
        parameters: what pytest writes in brackets behind its name, or "".
        traced: the network of ``conftest.traced`` that it is about, or "".
    """
    cut = BY_TEST.get(test)
    if cut is not None and not _among(parameters, cut.keep):
        return True
    if traced and not _among(traced, TRACED):
        return True
    return not GIANTS.isdisjoint(re.split(r"[-/ ]", parameters))


def _among(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
